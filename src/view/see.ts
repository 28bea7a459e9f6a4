import { defined } from "../budget/defined.ts";
import { RAM } from "../budget/pools/pools.ts";
import type { InstancePlace, InstanceValidation } from "../budget/validation.ts";
import type { RunEvent } from "../experiment/events.ts";
import { turnsOfLife } from "../experiment/jar/life.ts";
import type { MemorySample } from "../experiment/memory/memory_sample.ts";
import { renderEvent } from "../report/event_text.ts";
import {
  fillOf,
  type Happening,
  type JarView,
  type Life,
  MOST_CHARACTERS,
  MOST_HAPPENINGS,
  MOST_LIVES,
  MOST_UTTERANCES,
  type RunView,
  type Utterance,
} from "./run_view.ts";
import { placed, placeOf, seenPlace } from "./see_place.ts";
import { appendPoint, EMPTY_SERIES } from "./series.ts";
import type { ViewEvent } from "./view_event.ts";

/**
 * What is seen after one more event. Nothing of `view` changes, what didn't change is shared with it,
 * and however long a run goes on, what it holds has a bound.
 *
 * @param at milliseconds since the run began
 *
 * @example
 * ```ts
 * import { EMPTY_VIEW } from "./run_view.ts";
 * import { see } from "./see.ts";
 * const view = see(EMPTY_VIEW, { event: "paused", turn: 1 }, 5);
 * if (view.phase !== "paused" || view.happenings.length !== 1) throw new Error("It is paused");
 * ```
 */
export function see(view: RunView, event: ViewEvent, at: number): RunView {
  const now = { ...view, at };
  switch (event.event) {
    case "start":
      return {
        ...now,
        mode: event.mode,
        seed: event.sampling.seed,
        ...defined({ turns: event.turns }),
        jars: event.jars.map((jar) => ({ ...newJar(jar, at), contextSize: jar.contextSize })),
      };
    case "validation":
      return {
        ...now,
        mode: event.mode,
        seed: event.seed,
        ...defined({ turns: event.turns }),
        validation: event.validation,
        jars: (event.validation.places ?? event.validation.instances).map((one) => newJar(one, at)),
      };
    case "allocated":
      return withJar(now, event.id, (jar) => ({
        state: "loading",
        reservedBytes: event.allocatedBytes,
        ...placed(jar, event),
      }));
    case "loaded":
      return happened(
        withJar(now, event.id, (jar) => ({
          state: "alive",
          contextSize: event.contextSize,
          ...placed(jar, event),
          life: newLife(jar, 1, at, event.turn),
        })),
        event,
      );
    case "text":
      return withJar(running(now), event.id, (jar) => ({
        state: "thinking",
        thought: {
          turn: view.turn,
          text: clip(
            jar.thought?.isWhole === false ? jar.thought.text + event.text : event.text,
          ),
          isWhole: false,
        },
      }));
    case "thought":
      return thought(running({ ...now, turn: event.turn }), event);
    case "note":
    case "whisper":
      return replied(now, event);
    case "death":
      return died(now, event);
    case "resurrection":
      return happened(
        withJar(now, event.id, (jar) => ({
          state: "alive",
          contextTokens: 0,
          reservedBytes: event.allocatedBytes,
          ...placed(jar, event),
          life: newLife(jar, event.deaths + 1, at, event.turn),
        })),
        event,
      );
    case "memory":
      return remembered(now, event);
    case "prompt":
    case "warning":
      return happened(now, event);
    case "paused":
      return happened({ ...now, phase: "paused" }, event);
    case "resumed":
      return happened({ ...now, phase: "running" }, event);
    case "pace": {
      const { pace: _, ...rest } = now;
      return { ...rest, ...defined({ pace: event.wordsPerMinute }) };
    }
    case "end":
      return happened({ ...now, phase: "ended", end: event }, event);
  }
}

function running(view: RunView): RunView {
  return view.phase === "starting" ? { ...view, phase: "running" } : view;
}

function withJar(view: RunView, id: string, change: (jar: JarView) => Partial<JarView>): RunView {
  return {
    ...view,
    jars: view.jars.map((jar) => jar.id === id ? { ...jar, ...change(jar) } : jar),
  };
}

type Described = Pick<InstanceValidation, "id" | "role" | "model" | "ramLimitBytes">;

function newJar(jar: Described | InstancePlace, at: number): JarView {
  const { id, role, model, ramLimitBytes } = jar;
  const place = "isHere" in jar ? placeOf(jar) : undefined;
  const limits = [ramLimitBytes, place?.limitBytes].filter((limit) => limit !== undefined);
  return {
    id,
    role,
    model,
    state: "waiting",
    ...limits.length > 0 && { limitBytes: Math.min(...limits) },
    ...defined({ place }),
    reservedBytes: 0,
    residentBytes: 0,
    devices: [],
    memory: EMPTY_SERIES,
    contextTokens: 0,
    contextSize: 0,
    deaths: 0,
    life: newLife({ id, role }, 1, at, 0),
  };
}

function newLife(
  { id, role }: Pick<JarView, "id" | "role">,
  number: number,
  at: number,
  turn: number,
): Life {
  return { id, role, number, bornAt: at, bornTurn: turn, turns: 0, thoughts: 0, tokens: 0 };
}

function thought(view: RunView, event: Extract<RunEvent, { event: "thought" }>): RunView {
  const { id, role, turn, tokens, contextTokens, contextSize, milliseconds } = event;
  const text = clip(event.text);
  const seen = withJar(view, id, (jar) => ({
    state: "alive",
    contextTokens,
    contextSize,
    prompt: clip(event.prompt),
    thought: { turn, text, isWhole: true },
    ...(milliseconds > 0 && tokens > 0 ? { tokensPerSecond: tokens / milliseconds * 1000 } : {}),
    life: {
      ...jar.life,
      turns: Math.max(jar.life.turns, turnsOfLife(jar.life.bornTurn, turn)),
      thoughts: jar.life.thoughts + 1,
      tokens: jar.life.tokens + tokens,
    },
  }));
  return spoken(seen, {
    turn,
    id,
    role,
    kind: "thought",
    text,
    ...(event.stop === "aborted" ? { isCutOff: true as const } : {}),
    fill: fillOf({ contextTokens, contextSize }),
  });
}

/** A note or a whisper: the words of the thought that it comes from, which is there already. */
function replied(view: RunView, event: Extract<RunEvent, { event: "note" | "whisper" }>): RunView {
  const { event: kind, id, role, turn, text } = event;
  const byHand = event.event === "whisper" && event.by === "hand";
  const last = view.utterances.at(-1);
  if (!byHand && last?.kind === "thought" && last.id === id && last.turn === turn) {
    const utterance = { ...last, kind, text: clip(text) };
    return { ...view, utterances: [...view.utterances.slice(0, -1), utterance] };
  }
  return spoken(view, {
    turn,
    id,
    role,
    kind,
    text: clip(text),
    ...(byHand ? { byHand } : {}),
    fill: 0,
  });
}

function spoken(view: RunView, utterance: Omit<Utterance, "number" | "at">): RunView {
  const number = (view.utterances.at(-1)?.number ?? 0) + 1;
  const utterances = [...view.utterances, { number, at: view.at, ...utterance }];
  return { ...view, utterances: utterances.slice(-MOST_UTTERANCES) };
}

function died(view: RunView, event: Extract<RunEvent, { event: "death" }>): RunView {
  const { id, turn, cause, message, deaths, life: { turns, thoughts, tokens } } = event;
  const death = { at: view.at, turn, cause, message };
  const jar = view.jars.find((one) => one.id === id);
  const seen = withJar(view, id, () => ({
    state: "dead",
    deaths,
    lastDeath: death,
    contextTokens: 0,
    reservedBytes: 0,
    residentBytes: 0,
    devices: [],
  }));
  const lives = jar === undefined ? view.lives : [
    ...view.lives,
    { ...jar.life, turns, thoughts, tokens, death },
  ];
  return happened({ ...seen, lives: lives.slice(-MOST_LIVES) }, event);
}

function remembered(view: RunView, sample: MemorySample): RunView {
  const { pools, shared, pressurePercent, next, processBytes: _ } = sample;
  const { pressurePercent: _pressure, next: _next, ...rest } = view;
  return {
    ...rest,
    pools,
    shared,
    ...defined({ pressurePercent, next }),
    jars: view.jars.map((jar) => {
      const sampled = sample.jars.find(({ id }) => id === jar.id);
      const ram = sampled?.pools.find(({ id }) => id === RAM);
      if (sampled === undefined) return jar;
      const seen = { ...jar, ...seenPlace(jar, sampled.process) };
      if (ram === undefined) return seen;
      const { reservedBytes, residentBytes } = ram;
      return {
        ...seen,
        reservedBytes,
        residentBytes,
        devices: sampled.pools.filter((pool) => pool !== ram),
        memory: appendPoint(jar.memory, { at: view.at, value: residentBytes }),
      };
    }),
  };
}

type HappeningEvent = Extract<RunEvent, { readonly event: Happening["kind"] }>;

function happened(view: RunView, event: HappeningEvent): RunView {
  const number = (view.happenings.at(-1)?.number ?? 0) + 1;
  const happening: Happening = {
    number,
    at: view.at,
    turn: "turn" in event && event.turn !== undefined ? event.turn : view.turn,
    ...("id" in event && event.id !== undefined ? { id: event.id } : {}),
    kind: event.event,
    text: renderEvent(event),
  };
  return { ...view, happenings: [...view.happenings, happening].slice(-MOST_HAPPENINGS) };
}

function clip(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}
