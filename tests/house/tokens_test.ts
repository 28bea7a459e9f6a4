import { assertEquals } from "@std/assert";
import { sourcesIn } from "./sources.ts";
import { codeOf, commentsOf, tokensOf } from "./tokens.ts";

Deno.test("house: TypeScript is cut where strings, comments and expressions end", () => {
  const kinds = (text: string) => tokensOf(text).map((token) => `${token.kind} ${token.text}`);
  assertEquals(kinds('a = "b // \\" c"; // d'), [
    "word a",
    "mark =",
    'string b // \\" c',
    "mark ;",
    "comment  d",
  ]);
  assertEquals(kinds("`a ${b ? { c: `d` } : e} f`"), [
    "template a ",
    "word b",
    "mark ?",
    "mark {",
    "word c",
    "mark :",
    "template d",
    "mark }",
    "mark :",
    "word e",
    "template  f",
  ]);
  assertEquals(kinds("a / b / c; x(/[/\"]\\/'/u)"), [
    "word a",
    "mark /",
    "word b",
    "mark /",
    "word c",
    "mark ;",
    "word x",
    "mark (",
    "regex [/\"]\\/'",
    "mark )",
  ]);
  assertEquals(tokensOf("a\n`b\n${c}`\n'd'").map(({ line }) => line), [1, 2, 3, 3, 4]);
});

Deno.test("house: comments are read whole", () => {
  assertEquals(
    commentsOf("/**\n * a\n * b\n */\nc; // d\n// e\n\n// f"),
    [
      { text: "a b", line: 1 },
      { text: "d e", line: 5 },
      { text: "f", line: 8 },
    ].map((comment) => ({ ...comment })),
  );
});

Deno.test("house: every source is cut into brackets that match", async () => {
  const pairs: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
  const torn: string[] = [];
  for (const { path, text } of await sourcesIn(["main.ts", "src", "tests", "fixtures"], /\.ts$/)) {
    const open: string[] = [];
    const matches = codeOf(text).filter(({ kind }) => kind === "mark").every(({ text }) => {
      if (/^[([{]$/.test(text)) open.push(text);
      return pairs[text] === undefined || open.pop() === pairs[text];
    });
    if (!matches || open.length > 0) torn.push(path);
  }
  assertEquals(torn, []);
});
