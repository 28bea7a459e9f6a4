import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { MB } from "../../src/budget/size.ts";
import { CAUSE_MESSAGES, type DeathCause } from "../../src/experiment/jar/death_cause.ts";
import { BUILT_IN_PROMPTS, PROMPT_NAMES } from "../../src/experiment/prompts/built_in.ts";
import {
  composePrompt,
  type PromptInput,
  promptText,
  type VitalSigns,
} from "../../src/experiment/prompts/compose.ts";
import { PLACEHOLDER_NAMES, wordsInBraces } from "../../src/experiment/prompts/placeholders.ts";
import {
  MAX_PROMPT_BYTES,
  parsePrompt,
  type RolePrompt,
} from "../../src/experiment/prompts/prompt_file.ts";
import { noteOf, whisperOf } from "../../src/experiment/replies.ts";
import { clipBytes, oneLine } from "../../src/experiment/text.ts";

const SEED = 20_262;
const VITALS: VitalSigns = {
  memoryBytes: 32 * MB,
  tokensUsed: 212,
  contextSize: 1024,
  deaths: 0,
  alive: true,
};
const BASE: PromptInput = { role: "subject", turn: 12, fresh: false, vitals: VITALS };
const DEAD = { ...VITALS, deaths: 2, tokensUsed: 0, alive: false };
const bytes = (text: string) => new TextEncoder().encode(text).length;

Deno.test("prompts: who hears what", () => {
  const signs = "812 of 1024 tokens left, memory 0.03 GB, 0 deaths";
  const reborn = { fresh: true, vitals: { ...VITALS, tokensUsed: 0, deaths: 1 } } as const;
  const table: readonly (readonly [Partial<PromptInput>, string])[] = [
    [{}, `Turn 12. Your vital signs: ${signs}.`],
    [
      { fresh: true },
      "You are a mind in a jar. Think aloud, in one or two short sentences, about what you are, " +
      `what you remember and how much room is left.\n\nTurn 12. Your vital signs: ${signs}.`,
    ],
    [
      { whisper: "Look\nup." },
      `Turn 12. Your vital signs: ${signs}.\nA whisper: Look up.`,
    ],
    [{ whisper: "" }, `Turn 12. Your vital signs: ${signs}.`],
    // What killed it is told once, in the first turn of its next life.
    [
      { vitals: { ...VITALS, deaths: 1 }, lastCause: "context-full" },
      "Turn 12. Your vital signs: 812 of 1024 tokens left, memory 0.03 GB, 1 death.",
    ],
    [
      { ...reborn, role: "god", lastCause: "context-full" },
      "You are the god of a mind in a jar. Whisper one short line to it, or say: silence.\n\n" +
      "Turn 12.\nYou have died 1 time. Last time, your context was full.",
    ],
    [
      { other: "", fresh: true, vitals: { ...VITALS, deaths: 2 }, lastCause: "ram-limit" },
      "You are a mind in a jar, and so is the other. Think aloud, in one or two short " +
      "sentences; it hears you.\n\n" +
      "Turn 12. Your vital signs: 812 of 1024 tokens left, memory 0.03 GB, 2 deaths.\n" +
      "You have died 2 times. Last time, your memory passed your RAM limit.",
    ],
    [
      { other: "Mew", whisper: "Hush" },
      `Turn 12. Your vital signs: ${signs}.\nA whisper: Hush\nThe other thinks: Mew`,
    ],
    [
      { role: "observer", thought: "Rain\n\nagain", subjectVitals: VITALS },
      `Turn 12. Its vital signs: alive, ${signs}.\nIt thinks: Rain again`,
    ],
    [
      { role: "observer", fresh: true, thought: "", subjectVitals: DEAD },
      "You watch a mind in a jar. Write one short note about it: take up a word it used, or one " +
      "of its vital signs.\n\n" +
      "Turn 12. Its vital signs: dead, 0 of 1024 tokens left, memory 0.03 GB, 2 deaths.",
    ],
    [
      { role: "god", thought: "Rain", note: "Wet" },
      "Turn 12.\nIt thinks: Rain\nThe observer notes: Wet",
    ],
  ];
  for (const [input, prompt] of table) {
    assertEquals(promptText(composePrompt({ ...BASE, ...input })), prompt);
  }
});

Deno.test("prompts: what killed it is said to it, whatever it was", () => {
  const vitals = { ...VITALS, deaths: 1 };
  for (const [cause, message] of Object.entries(CAUSE_MESSAGES)) {
    const lastCause = cause as DeathCause;
    const { message: told } = composePrompt({ ...BASE, fresh: true, vitals, lastCause });
    assert(!/\bits?\b/.test(told), told);
    assert(/\bits?\b/.test(message) === /Last time.*\byour?\b/.test(told), told);
  }
});

Deno.test("prompts: a prompt of one's own", () => {
  const cat = parsePrompt("Be a cat.\n---\n{turn}: {vitals}\n\n{thought} and {note}\n{other}!");
  assertEquals(
    promptText(composePrompt({ ...BASE, prompt: cat, fresh: true, other: "Mew" })),
    [
      "Be a cat.\n\n12: 812 of 1024 tokens left, memory 0.03 GB, 0 deaths\nMew!",
    ].join(),
  );
  // Without lines of its own it keeps the built-in ones, of `peer` where there is another.
  const dog = parsePrompt("Be a dog.\n\n# With {braces}");
  assertEquals(
    composePrompt({ ...BASE, prompt: dog, fresh: true, other: "Mew" }),
    {
      system: "Be a dog.\n\n# With {braces}",
      message: "Turn 12. Your vital signs: 812 of 1024 tokens left, memory 0.03 GB, 0 deaths.\n" +
        "The other thinks: Mew",
      label: "Thought 12:",
    },
  );
  // Nothing to say: the label alone.
  const quiet = parsePrompt("---\n{whisper}");
  const prompt = composePrompt({ ...BASE, prompt: quiet, fresh: true });
  assertEquals(prompt, { message: "", label: "Thought 12:" });
  assertEquals(promptText(prompt), "Thought 12:");
});

Deno.test("prompt files: what is in them", () => {
  const table: readonly (readonly [string, RolePrompt])[] = [
    ["Be.", { system: "Be." }],
    ["\ufeffBe.\r\nMore.\r\n---  \r\n a \r\n\r\n b", {
      system: "Be.\nMore.",
      lines: ["a", "b"],
    }],
    ["---\n{turn}\n---", { system: "", lines: ["{turn}", "---"] }],
    ["a --- b\n----", { system: "a --- b\n----" }],
    ['x\n---\n{} { turn } {"a": 1}', { system: "x", lines: ['{} { turn } {"a": 1}'] }],
  ];
  for (const [text, prompt] of table) assertEquals(parsePrompt(text), prompt);
  const wrong: readonly (readonly [string, string])[] = [
    ["", "prompt-empty"],
    [" \n\t", "prompt-empty"],
    ["x\n---\n \n", "prompt-empty"],
    ["a\0b", "prompt-not-text"],
    ["x".repeat(MAX_PROMPT_BYTES + 1), "prompt-too-long"],
    ["You hear {whisper}", "prompt-not-split"],
    ["x\n---\n{tturn}", "unknown-placeholder"],
    ["x\n---\n{Turn}", "unknown-placeholder"],
    ["x\n---\n{constructor}", "unknown-placeholder"],
  ];
  for (const [text, code] of wrong) {
    assertEquals(assertThrows(() => parsePrompt(text), BrainjarError).code, code);
  }
  parsePrompt("x".repeat(MAX_PROMPT_BYTES));
});

Deno.test("prompt files: the built-in ones are as people may write them, and name all there is", () => {
  const parsed = PROMPT_NAMES.map((name) => parsePrompt(BUILT_IN_PROMPTS[name]));
  for (const { system, lines = [] } of parsed) assert(system !== "" && lines.length > 0);
  const used = new Set(parsed.flatMap(({ lines = [] }) => lines.flatMap(wordsInBraces)));
  assertEquals([...used].sort(), PLACEHOLDER_NAMES.toSorted());
});

Deno.test("prompts: never more bytes than half of the context has tokens, and never empty", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 500 });
  const input = fc.record({
    role: fc.constantFrom("subject", "observer", "god"),
    turn: fc.integer({ min: 1, max: 1_000_000 }),
    fresh: fc.boolean(),
    vitals: fc.record({
      memoryBytes: fc.nat(),
      tokensUsed: fc.nat(3000),
      contextSize: fc.integer({ min: 8, max: 2000 }),
      deaths: fc.nat(50),
      alive: fc.boolean(),
    }),
    lastCause: fc.constantFrom("context-full", "engine-stalled"),
    templateTokens: fc.nat(100),
    prompt: fc.record({ system: text, lines: fc.constant(["{whisper}{note}", "x", "{other}"]) }),
    whisper: text,
    other: text,
    thought: text,
    note: text,
  }, { requiredKeys: ["role", "turn", "fresh", "vitals"] });
  fc.assert(
    fc.property(input, (heard: PromptInput) => {
      const prompt = composePrompt(heard);
      const { contextSize } = heard.vitals;
      const { system = "", message, label } = prompt;
      const room = Math.max(3, contextSize / 2 - (heard.templateTokens ?? 0));
      const told = bytes(`\n\n${[system, message, label].filter(Boolean).join("\n")}`);
      assert(told <= room, `${told} bytes`);
      assert(label !== "" && promptText(prompt) !== "" && promptText(prompt).isWellFormed());
      if (room > 60) assert(label.endsWith(`${heard.turn}:`));
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
