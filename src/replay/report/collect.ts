import { defined } from "../../budget/defined.ts";
import { sum } from "../../budget/sum.ts";
import type { Recorded, RecordedStart } from "../../report/schema/transcript.ts";
import type { DeathCause } from "../../experiment/jar/death_cause.ts";
import {
  EMPTY_VIEW,
  type Happening,
  type Life,
  type RunView,
  type Utterance,
} from "../../view/run_view.ts";
import { appendPoint, EMPTY_SERIES, type Series } from "../../view/series.ts";
import type { Moment, RecordedRun } from "../recorded_run.ts";

/** So many turns at a run's beginning are told, and so many at its end. */
export const TOLD_TURNS = { first: 100, last: 900 } as const;

/** Characters of all that is told; turns at the end give way. */
const MOST_CHARACTERS = 4_000_000;

/** Lives that are told, the last ones. */
const TOLD_LIVES = 300;

/** The moments of deaths that plots mark. */
const MARKED_DEATHS = 2_000;

/** Prompts that a hand gave. */
const TOLD_PROMPTS = 50;

/** What a report is made of. However long the run was, it has a bound. */
export interface ReportData {
  readonly start: RecordedStart;
  readonly startedAt?: number;
  /** Milliseconds that it took, as far as the transcript goes. */
  readonly milliseconds: number;
  readonly isWhole: boolean;
  /** What was seen at its end. */
  readonly view: RunView;
  readonly validation?: Extract<Recorded, { readonly event: "validation" }>["validation"];
  readonly jars: readonly JarData[];
  readonly deaths: readonly DeathMark[];
  /** Those that are over, oldest first; the last {@link TOLD_LIVES}. */
  readonly lives: readonly Life[];
  /** Of all lives, also of those that are not told. */
  readonly causes: ReadonlyMap<DeathCause, number>;
  readonly thoughts: number;
  readonly tokens: number;
  readonly turns: readonly TurnData[];
  /** Turns between those at the beginning and those at the end. */
  readonly turnsLeftOut: number;
  readonly prompts: readonly {
    readonly id: string;
    readonly turn: number;
    readonly text: string;
  }[];
}

/** One jar over the whole run. */
interface JarData {
  readonly id: string;
  readonly thoughts: number;
  readonly tokens: number;
  /** The most that was reserved for it, in bytes. */
  readonly reservedBytes: number;
  /** Tokens in its context over time. */
  readonly context: Series;
}

/** When a jar died. */
interface DeathMark {
  readonly id: string;
  readonly at: number;
  readonly turn: number;
  readonly message: string;
}

/** A turn: what was said and what happened, in order. */
export interface TurnData {
  readonly turn: number;
  readonly at: number;
  readonly items: readonly TurnItem[];
}

/** Something that was said, or that happened. */
export type TurnItem =
  | { readonly kind: "said"; readonly said: Utterance }
  | { readonly kind: "happened"; readonly happened: Happening };

/** Reads a run to its end, keeping what a report shows. */
export async function collect(run: RecordedRun): Promise<ReportData> {
  const { start, startedAt, isWhole } = run.index;
  const jars = new Map(start.jars.map(({ id }) => [id, newJar(id)]));
  const turns = new Turns();
  const causes = new Map<DeathCause, number>();
  const deaths: DeathMark[] = [];
  const lives: Life[] = [];
  const prompts: { id: string; turn: number; text: string }[] = [];
  let validation: ReportData["validation"];
  let last: Pick<Moment, "view" | "at"> = { view: EMPTY_VIEW, at: 0 };
  for await (const moment of run.moments()) {
    const { event, recorded, at, view } = moment;
    turns.add(moment, last.view);
    last = moment;
    switch (event.event) {
      case "thought": {
        const jar = jarIn(jars, event.id);
        jar.thoughts++;
        jar.tokens += event.tokens;
        jar.context = appendPoint(jar.context, { at, value: event.contextTokens });
        break;
      }
      case "death": {
        const { id, turn, message, cause } = event;
        causes.set(cause, (causes.get(cause) ?? 0) + 1);
        deaths.push({ id, at, turn, message });
        if (deaths.length > MARKED_DEATHS) deaths.shift();
        lives.push(...view.lives.slice(-1));
        if (lives.length > TOLD_LIVES) lives.shift();
        const jar = jarIn(jars, id);
        // What was in it was there until then.
        const value = jar.context.points.at(-1)?.value ?? 0;
        jar.context = appendPoint(jar.context, { at, value });
        jar.context = appendPoint(jar.context, { at, value: 0 });
        break;
      }
      case "resurrection": {
        const jar = jarIn(jars, event.id);
        jar.context = appendPoint(jar.context, { at, value: 0 });
        break;
      }
      case "memory":
        for (const { id, reservedBytes } of view.jars) {
          const jar = jarIn(jars, id);
          jar.reservedBytes = Math.max(jar.reservedBytes, reservedBytes);
        }
        break;
      case "prompt":
        prompts.push({ id: event.id, turn: event.turn, text: event.text });
        if (prompts.length > TOLD_PROMPTS) prompts.shift();
        break;
    }
    if (recorded.event === "validation") validation = recorded.validation;
  }
  const counted = [...jars.values()];
  return {
    start,
    milliseconds: last.at,
    isWhole,
    view: last.view,
    ...defined({ startedAt, validation }),
    jars: counted,
    deaths,
    lives,
    causes,
    thoughts: sum(counted.map(({ thoughts }) => thoughts)),
    tokens: sum(counted.map(({ tokens }) => tokens)),
    turns: turns.told,
    turnsLeftOut: turns.leftOut,
    prompts,
  };
}

type Building = { -readonly [Key in keyof JarData]: JarData[Key] };

function newJar(id: string): Building {
  return { id, thoughts: 0, tokens: 0, reservedBytes: 0, context: EMPTY_SERIES };
}

function jarIn(jars: Map<string, Building>, id: string): Building {
  const known = jars.get(id) ?? newJar(id);
  jars.set(id, known);
  return known;
}

interface BuildingTurn extends TurnData {
  readonly items: TurnItem[];
}

/** The turns at the beginning and at the end. */
class Turns {
  readonly #first: BuildingTurn[] = [];
  readonly #last: BuildingTurn[] = [];
  #characters = 0;
  leftOut = 0;

  get told(): readonly TurnData[] {
    return [...this.#first, ...this.#last];
  }

  /** What of a moment is told: the newest words and the newest happening, where they are new. */
  add({ view, at }: Moment, before: RunView): void {
    const said = view.utterances.at(-1);
    if (said !== undefined && said !== before.utterances.at(-1)) this.#addSaid(said, at);
    const happened = view.happenings.at(-1);
    if (happened !== undefined && happened !== before.happenings.at(-1)) {
      this.#turn(happened.turn, at).items.push({ kind: "happened", happened });
      this.#characters += happened.text.length;
    }
    this.#forget();
  }

  #addSaid(said: Utterance, at: number): void {
    const { items } = this.#turn(said.turn, at);
    const same = items.findLastIndex((item) =>
      item.kind === "said" && item.said.number === said.number
    );
    // A note stands in place of the thought that it comes from.
    if (same >= 0) items[same] = { kind: "said", said };
    else items.push({ kind: "said", said });
    this.#characters += said.text.length;
  }

  #turn(turn: number, at: number): BuildingTurn {
    const known = this.#last.at(-1) ?? this.#first.at(-1);
    if (known !== undefined && known.turn >= turn) return known;
    const next: BuildingTurn = { turn, at, items: [] };
    const turns = this.#first.length < TOLD_TURNS.first ? this.#first : this.#last;
    turns.push(next);
    return next;
  }

  #forget(): void {
    while (
      this.#last.length > TOLD_TURNS.last ||
      (this.#characters > MOST_CHARACTERS && this.#last.length > 1)
    ) {
      const items = this.#last.shift()?.items ?? [];
      this.leftOut++;
      for (const item of items) {
        this.#characters -= (item.kind === "said" ? item.said : item.happened).text.length;
      }
    }
  }
}
