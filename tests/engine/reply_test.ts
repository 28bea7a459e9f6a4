import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ChatFrames } from "../../src/engine/chat/frame.ts";
import { ReplyText } from "../../src/engine/chat/reply_text.ts";
import { LlamaMind } from "../../src/engine/mind.ts";
import { NativeLog } from "../../src/engine/native_log.ts";
import { Samplers } from "../../src/engine/samplers.ts";

const SEED = 20_262;

const FRAMES: ChatFrames = {
  withSystem: ["<s>\ue000system\ue001\n\ue000message\ue001\n"],
  withoutSystem: ["<s>\ue000message\ue001\n"],
  next: [{ type: "specialTokensText", value: "<end>" }, "\ue000message\ue001\n"],
  ends: ["<end>", "\nUser:"],
  reasoning: { open: "<think>", close: "</think>" },
};

/** All that is said of a reply in pieces, and whether a text ended it. */
function said(pieces: readonly string[]): [string, boolean] {
  const reply = new ReplyText(FRAMES);
  let text = "";
  for (const piece of pieces) {
    text += reply.push(piece);
    if (reply.ended) return [text, true];
  }
  return [text + reply.end(), reply.ended];
}

const REPLIES: readonly (readonly [string, string, boolean])[] = [
  ["I am.", "I am.", false],
  [" \n I am. ", "I am. ", false],
  ["I am.<end>And", "I am.", true],
  ["I am.\nUser: who", "I am.", true],
  ["I am.\nUser", "I am.\nUser", false],
  ["a < b <e", "a < b <e", false],
  ["<end>", "", true],
  ["<think>Hm.<end> No.</think>\n\nYes.", "Yes.", false],
  ["\n<think></think><think>Hm</think>Yes.<end>", "Yes.", true],
  ["<think>Hm. I never stop", "", false],
  ["<thin", "<thin", false],
  ["I <think> so.</think>", "I <think> so.</think>", false],
  ["", "", false],
  [" \n", "", false],
];

Deno.test("reply: without reasoning and white space before it, up to what ends it", () => {
  for (const [reply, text, ended] of REPLIES) assertEquals(said([reply]), [text, ended], reply);
});

Deno.test("reply: in whatever pieces it comes, what is said is the same", () => {
  const pieces = fc.array(
    fc.constantFrom("<", "end>", "<think>", "</think>", "\n", "User:", " a", "<end", ">", "b"),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(8), { maxLength: 20 }), (given, cuts) => {
      const whole = given.join("");
      const parts: string[] = [];
      let rest = whole;
      for (const cut of cuts) {
        parts.push(rest.slice(0, cut));
        rest = rest.slice(cut);
      }
      const letters = [...whole];
      assertEquals(said([...parts, rest]), said(letters));
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

/** A mind whose every word is a token, and which says what it is told to. */
function mindThatSays(words: readonly string[]) {
  const told: string[] = [];
  const special = ["<end>", "<think>", "</think>"];
  const mind = new LlamaMind<string>({
    path: "m.gguf",
    model: {
      tokens: { bos: "<s>", shouldPrependBosToken: true },
      isSpecialToken: (token) => special.includes(token),
      tokenize: (text: string) => text.match(/<\/?\w+>|\w+|\s+|[^\w\s]/g) ?? [],
      // Markers have no text of their own.
      detokenize: (tokens) => tokens.filter((token) => !special.includes(token)).join(""),
    },
    context: {
      contextSize: 200,
      getSequence: () => ({
        get nextTokenIndex() {
          return told.length;
        },
        evaluateWithoutGeneratingNewTokens: (tokens) => {
          told.push(...tokens);
          return Promise.resolve();
        },
        async *evaluate(tokens) {
          told.push(...tokens);
          for (const word of words) {
            await Promise.resolve();
            yield word;
            told.push(word);
          }
        },
      }),
      dispose: () => Promise.resolve(),
    },
    contextSize: 200,
    chat: FRAMES,
    samplers: new Samplers(10),
    log: new NativeLog(),
  });
  return { mind, told };
}

const SAMPLING = { maxTokens: 20, temperature: 0, topP: 1, seed: 1 } as const;
const PROMPT = { system: "Be.", message: "Turn 1.", label: "Thought 1:" } as const;

Deno.test("reply: a marker ends it and stays out of the context, which only grows", async () => {
  const { mind, told } = mindThatSays(["I", " am", "<end>", "never"]);
  const pieces: string[] = [];
  const onText = (text: string) => void pieces.push(text);
  const first = await mind.think(PROMPT, { ...SAMPLING, onText });
  assertEquals([first.text, first.stop, first.tokens], ["I am", "end", 2]);
  assertEquals(pieces.join(""), "I am");
  // It begins once, though the template says so itself.
  assertEquals(told.join(""), "<s>Be.\nTurn 1.\nI am");
  await mind.think({ ...PROMPT, message: "Turn 2." }, SAMPLING);
  assertEquals(told.join(""), "<s>Be.\nTurn 1.\nI am<end>Turn 2.\nI am");
  assertEquals(mind.tokensUsed, told.length);
  await mind.dispose();
});

Deno.test("reply: reasoning is no part of a thought, whose reader gets a sign of life", async () => {
  const { mind } = mindThatSays(["<think>", "Hm", "</think>", "\n", "Yes"]);
  const pieces: string[] = [];
  const thought = await mind.think(PROMPT, {
    ...SAMPLING,
    onText: (text) => void pieces.push(text),
  });
  assertEquals([thought.text, thought.tokens], ["Yes", 5]);
  assert(pieces.length >= 5 && pieces.join("") === "Yes");
  await mind.dispose();
});

Deno.test("reply: a text that a model spells ends it too; of a plain prompt nothing does", async () => {
  const { mind, told } = mindThatSays(["I", "\n", "User", ":", " no"]);
  const thought = await mind.think(PROMPT, SAMPLING);
  assertEquals([thought.text, thought.stop], ["I", "end"]);
  const raw = await mind.think("Go on", SAMPLING);
  assertEquals([raw.text, raw.stop], ["I\nUser: no", "end"]);
  assert(told.join("").endsWith("I\nUser:Go onI\nUser: no"));
  await mind.dispose();
});
