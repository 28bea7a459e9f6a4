import { GB, MB } from "../../src/budget/size.ts";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { validateMemoryBudget } from "../../src/budget/validate.ts";
import {
  EMPTY_VIEW,
  type JarView,
  type Life,
  type PlaceView,
  type RunView,
} from "../../src/view/run_view.ts";
import { EMPTY_SERIES } from "../../src/view/series.ts";

/** The same with jars on three kinds of places; what two of them hold is known. */
export function viewOfPlaces(): RunView {
  const view = viewOfRun();
  const places: readonly PlaceView[] = [
    {
      ...{ launcher: "slurm", isHere: false, limitBytes: 40 * MB, requestBytes: 31 * MB },
      ...{ host: "node1", job: "slurm:151", heldBytes: 24 * MB, mostHeldBytes: 25 * MB },
    },
    { launcher: "process", isHere: true, requestBytes: 31 * MB, heldBytes: 23 * MB },
    { isHere: true, requestBytes: 31 * MB },
  ];
  return {
    ...view,
    jars: view.jars.map((jar, at) => {
      const place = places[at];
      const { limitBytes } = place ?? {};
      return { ...jar, ...place && { place }, ...limitBytes !== undefined && { limitBytes } };
    }),
  };
}

/** What is seen of a run in its twelfth turn: one jar that is nearly full, one that has died before. */
export function viewOfRun(changes: Partial<RunView> = {}): RunView {
  return {
    ...EMPTY_VIEW,
    phase: "running",
    at: 161_000,
    turn: 12,
    mode: "matrix",
    seed: 7,
    pace: 160,
    validation: validation(),
    jars: [
      jar("subject", {
        state: "thinking",
        contextTokens: 936,
        deaths: 1,
        lastDeath: { at: 0, turn: 5, cause: "context-full", message: "its context was full" },
        thought: {
          turn: 12,
          text: "I had a word for the place where the light comes in, and now there are 88 tokens",
          isWhole: false,
        },
        prompt: "Turn 12. Your vital signs: 88 of 1024 tokens left, memory 0.03 GB, 1 death.\nA " +
          "whisper: Let the first word go.",
        life: { number: 2, bornTurn: 6, turns: 6, thoughts: 6, tokens: 241 },
      }),
      jar("observer", {
        contextTokens: 512,
        prompt:
          "Turn 11. Its vital signs: alive, 120 of 1024 tokens left, memory 0.03 GB, 1 death.",
      }),
      jar("god", { contextTokens: 803, limitBytes: GB }),
    ],
    pools: [{
      id: "ram",
      kind: "ram",
      totalBytes: 24 * GB,
      freeBytes: 18.2 * GB,
      reservedBytes: 62 * MB,
      leastBytes: 500 * MB,
    }],
    shared: [{
      model: "/models/demo-brain.gguf",
      ids: ["subject", "observer", "god"],
      bytes: 5 * MB,
    }],
    pressurePercent: 0.4,
    next: { id: "god", why: "least important, if under 0.49 GB is available (now 18.20 GB)" },
    utterances: [
      said(1, 4, "subject", "I counted the seconds until I forgot which number a second is.", 0.86),
      said(2, 4, "observer", "It counts, and loses count.", 0.2),
      said(3, 4, "god", "Stop counting.", 0.2),
      said(4, 10, "subject", "Something warm went through the jar and left no word behind.", 0.7),
      said(5, 10, "observer", "It reports warmth. 301 tokens left.", 0.4),
      said(6, 10, "god", "It was only me, passing.", 0.6),
      said(7, 11, "subject", "If I was here before, I would like to be told what I said.", 0.88),
      said(8, 11, "observer", "It asks for its last life. I am not allowed to answer it.", 0.5),
      said(9, 11, "god", "Let the first word go.", 0.78),
    ],
    happenings: [
      happening(1, "loaded", "[subject] loaded demo-brain.gguf: context of 1024 tokens, 0.31 s"),
      happening(2, "loaded", "[observer] shares demo-brain.gguf: context of 1024 tokens, 0.02 s"),
      happening(
        3,
        "death",
        "[subject] died in turn 5: its context was full; death 1, 21.00 MB given back",
      ),
      happening(
        4,
        "resurrection",
        "[subject] resurrected in turn 6 after 1 death: 21.00 MB allocated",
      ),
    ],
    lives: [firstLife()],
    ...changes,
  };
}

function firstLife(): Life {
  return {
    id: "subject",
    role: "subject",
    number: 1,
    bornAt: 1000,
    bornTurn: 1,
    turns: 5,
    thoughts: 5,
    tokens: 212,
    death: { at: 70_000, turn: 5, cause: "context-full", message: "its context was full" },
  };
}

type JarChanges = Partial<Omit<JarView, "life">> & { readonly life?: Partial<Life> };

/** A jar of 1024 tokens on 21 MB, of which 13 are resident. */
export function jar(
  id: "subject" | "observer" | "god",
  { life, ...rest }: JarChanges = {},
): JarView {
  return {
    id,
    role: id,
    model: "demo-brain.gguf",
    state: "alive",
    reservedBytes: 21 * MB,
    residentBytes: 13 * MB,
    devices: [],
    memory: EMPTY_SERIES,
    contextTokens: 0,
    contextSize: 1024,
    deaths: 0,
    tokensPerSecond: 412.3,
    life: {
      id,
      role: id,
      number: 1,
      bornAt: 1000,
      bornTurn: 1,
      turns: 11,
      thoughts: 11,
      tokens: 380,
      ...life,
    },
    ...rest,
  };
}

const KINDS = { subject: "thought", observer: "note", god: "whisper" } as const;

export function said(
  number: number,
  turn: number,
  id: "subject" | "observer" | "god",
  ...[text, fill]: readonly [string, number]
): RunView["utterances"][number] {
  return { number, at: turn * 13_000 + number, turn, id, role: id, kind: KINDS[id], text, fill };
}

function happening(
  number: number,
  kind: RunView["happenings"][number]["kind"],
  text: string,
): RunView["happenings"][number] {
  const at = kind === "loaded" ? number * 400 : 70_000 + number;
  return { number, at, turn: kind === "loaded" ? 0 : 5, id: "subject", kind, text };
}

function validation() {
  return validateMemoryBudget({
    mode: "matrix",
    instances: (["subject", "observer", "god"] as const).map((id) => ({
      id,
      role: id,
      model: "demo-brain.gguf",
      footprint: {
        floorBytes: 21 * MB,
        workingSetBytes: 21 * MB,
        shared: { floorBytes: 5 * MB, workingSetBytes: 5 * MB },
      },
    })),
    memory: {
      totalBytes: 24 * GB,
      availableBytes: 18.3 * GB,
      reservedBytes: 0,
      sources: [],
      warnings: [],
    },
    policy: DEFAULT_POLICY,
  });
}

/** One jar that has just died of a hand, one that is gone, and a card that two jars are on. */
export function viewWithDeathAndDevices(): RunView {
  const view = viewOfRun();
  const onCard = (residentBytes: number) => [{
    id: "cuda:0",
    reservedBytes: 4 * GB,
    residentBytes,
  }];
  return {
    ...view,
    phase: "paused",
    turns: 40,
    jars: [
      jar("subject", {
        state: "dead",
        reservedBytes: 0,
        residentBytes: 0,
        deaths: 2,
        lastDeath: { at: 0, turn: 5, cause: "by-hand", message: "a hand ended it" },
        life: { number: 2, turns: 7, tokens: 303 },
      }),
      jar("observer", { devices: onCard(2.5 * GB), contextTokens: 1000, limitBytes: 8 * GB }),
      jar("god", { state: "gone", reservedBytes: 0, residentBytes: 0, deaths: 3 }),
    ],
    pools: [...view.pools, {
      id: "cuda:0",
      kind: "device",
      totalBytes: 24 * GB,
      freeBytes: 11 * GB,
      reservedBytes: 8 * GB,
      leastBytes: GB,
    }],
    pressurePercent: 31,
    lives: [...view.lives, {
      ...firstLife(),
      number: 2,
      turns: 7,
      tokens: 303,
      death: { at: 160_900, turn: 12, cause: "by-hand", message: "a hand ended it" },
    }],
  };
}

/** Names and words that would move a cursor, turn a line around or be a command. */
export function hostileView(): RunView {
  const evil = "\u001b[2J\u001b]0;title\u0007\u009b31m\u202eevil\u0000\r\n::add-mask::x 日本🙂";
  const view = viewOfRun();
  return {
    ...view,
    jars: view.jars.map((one) => ({
      ...one,
      id: `${one.id}${evil}`,
      model: evil,
      prompt: `Its vital signs: ${evil}`,
      thought: { turn: 12, text: evil, isWhole: false },
      state: "thinking",
    })),
    utterances: view.utterances.map((one) => ({ ...one, id: `${one.id}${evil}`, text: evil })),
    happenings: view.happenings.map((one) => ({ ...one, text: evil })),
    lives: view.lives.map((one) => ({
      ...one,
      id: `${one.id}${evil}`,
      ...(one.death === undefined ? {} : { death: { ...one.death, message: evil } }),
    })),
    shared: [{ model: evil, ids: [evil], bytes: 5 * MB }],
    next: { id: evil, why: evil },
  };
}
