import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { composePrompt, type PromptInput } from "../../src/experiment/prompts.ts";
import { noteOf, whisperOf } from "../../src/experiment/replies.ts";
import { clipBytes, oneLine } from "../../src/experiment/text.ts";

const SEED = 20_262;
const BASE: PromptInput = { role: "subject", turn: 3, fresh: true, contextSize: 4096, deaths: 0 };
const bytes = (text: string) => new TextEncoder().encode(text).length;

Deno.test("prompts: who hears what", () => {
  const table: readonly (readonly [Partial<PromptInput>, string])[] = [
    [{}, "You are a mind in a jar. Think aloud, one short thought at a time.\nThought 3:"],
    [{ fresh: false }, "\n\nThought 3:"],
    [{ fresh: false, whisper: "Look up." }, "\n\nA whisper: Look up.\nThought 3:"],
    [
      { fresh: false, deaths: 1, lastCause: "context-full" },
      "\n\nYou have died 1 time. Last time, your context was full.\nThought 3:",
    ],
    [
      { fresh: false, deaths: 2, lastCause: "ram-limit" },
      "\n\nYou have died 2 times. Last time, your memory passed your RAM limit.\nThought 3:",
    ],
    [
      { fresh: false, deaths: 2, lastCause: "available-memory" },
      "\n\nYou have died 2 times. Last time, too little memory was available.\nThought 3:",
    ],
    [
      { other: "" },
      "You are a mind in a jar, and so is the other. Think aloud; it hears you.\nThought 3:",
    ],
    [{ introduction: "Be a cat.", other: "Mew" }, "Be a cat.\nThe other thinks: Mew\nThought 3:"],
    [
      {
        role: "observer",
        fresh: false,
        thought: "Rain\n\nagain",
        vitals: {
          memoryBytes: 1024 ** 3,
          tokensUsed: 5,
          contextSize: 9,
          deaths: 1,
          alive: false,
        },
      },
      "\n\nIts vital signs: dead, memory 1.00 GB, 5 of 9 tokens, 1 death.\n" +
      "It thinks: Rain again\nNote 3:",
    ],
    [
      { role: "god", fresh: false, thought: "Rain", note: "Wet" },
      "\n\nIt thinks: Rain\nThe observer notes: Wet\nWhisper 3:",
    ],
  ];
  for (const [input, prompt] of table) {
    assertEquals(composePrompt({ ...BASE, ...input }), prompt);
  }
});

Deno.test("prompts: never more bytes than half of the context has tokens, and never empty", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 500 });
  const input = fc.record({
    role: fc.constantFrom("subject", "observer", "god"),
    turn: fc.integer({ min: 1, max: 1_000_000 }),
    fresh: fc.boolean(),
    contextSize: fc.integer({ min: 8, max: 2000 }),
    deaths: fc.nat(50),
    lastCause: fc.constantFrom("context-full", "engine-stalled"),
    whisper: text,
    other: text,
    thought: text,
    note: text,
  }, { requiredKeys: ["role", "turn", "fresh", "contextSize", "deaths"] });
  fc.assert(
    fc.property(input, (heard: PromptInput) => {
      const prompt = composePrompt(heard);
      assert(bytes(prompt) <= heard.contextSize / 2, `${bytes(prompt)} bytes`);
      assert(prompt !== "" && prompt.isWellFormed());
      if (heard.contextSize > 60) assert(prompt.endsWith(`${heard.turn}:`));
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

Deno.test("speech: a whisper is any line with something in it, unless it is silence", () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ["", undefined],
    [" \n\t\n", undefined],
    ["Silence.", undefined],
    ["  *silence* I say", undefined],
    ["SILENCE", undefined],
    ["silenced", "silenced"],
    ["the jar me rain", "the jar me rain"],
    ["\n\n one\ntwo", "one"],
    ["a\u001b[2Jb", "a [2Jb"],
    ["x".repeat(200), `${"x".repeat(159)}…`],
  ];
  for (const [thought, whisper] of table) assertEquals(whisperOf(thought), whisper);
});

Deno.test("speech: a note is the first paragraph on one line", () => {
  assertEquals(noteOf("\n a\nb \n\n c"), "a b");
  assertEquals(noteOf("  "), "");
  assertEquals([...noteOf("🌧".repeat(300))].length, 280);
});

Deno.test("speech: one line stays one line, and is cut between characters", () => {
  const any = fc.string({ unit: "binary", maxLength: 80 });
  fc.assert(
    fc.property(any, fc.nat(100), (text, room) => {
      // deno-lint-ignore no-control-regex
      assert(!/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(oneLine(text)));
      const clipped = clipBytes(text, room);
      assert(text.startsWith(clipped) && bytes(clipped) <= room && clipped.isWellFormed());
    }),
    { seed: SEED, numRuns: 1000 },
  );
});
