import { assertEquals, assertMatch } from "@std/assert";
import { ExpectedAnswers } from "../../src/jar_process/expected_answers.ts";
import { parseAnswer, parseRequest } from "../../src/jar_process/lines.ts";

const HELLO =
  '{"answer":"hello","protocol":"brainjar.jar/1","version":"1.0.0","host":"node1","processId":7}';
const DIED = '{"answer":"died","pools":[]}';
const LOADED =
  '{"answer":"loaded","contextSize":256,"templateTokens":0,"shared":false,"milliseconds":1}';
const ADMITTED = '{"answer":"admitted","allocation":{"allocatedBytes":1,"totalBytes":1,' +
  '"usableBytes":1,"remainingBytes":0,"pools":[]},"preflight":{"ok":true,"level":"ok","availableBytes":1,' +
  '"requiredBytes":1,"headroomBytes":0,"neededBytes":1,"shortBytes":0,"usedPercent":1,"pools":[]}}';
const TEXT = '{"answer":"text","text":"Hi"}';
const THOUGHT = '{"answer":"thought","text":"Hi","promptTokens":1,"tokens":1,"stop":"end",' +
  '"milliseconds":1,"contextTokens":2,"templateTokens":0}';
const FAILED = '{"answer":"failed","code":"x","message":"X","blame":"engine"}';
const DYING = '{"answer":"dying","cause":"ram-limit"}';
const WARNING = '{"answer":"warning","code":"x","message":"X"}';
const THINK = '{"ask":"think","prompt":{"message":"?","label":"x"},' +
  '"sampling":{"maxTokens":1,"temperature":0,"topP":1,"seed":1}}';
const THINK_LONG = THINK.replace('"maxTokens":1', '"maxTokens":100');
const RESURRECT = '{"ask":"resurrect"}';
const DIE = '{"ask":"die"}';

/** What is wrong with the last of these lines; none before it may be wrong. */
function wrongWith(lines: readonly string[]): string | undefined {
  const expected = new ExpectedAnswers();
  return lines.map((line) => {
    if (line.includes('"ask"')) return void expected.ask(parseRequest(line));
    return expected.hear(parseAnswer(line))?.message;
  }).reduce((before, now) => {
    assertEquals(before, undefined);
    return now;
  });
}

const GOOD: readonly (readonly string[])[] = [
  [HELLO, HELLO, RESURRECT, ADMITTED, LOADED, THINK, TEXT, TEXT, THOUGHT, DIE, DIED],
  // Its own watch, and a run that asks for the same meanwhile.
  [
    HELLO,
    RESURRECT,
    ADMITTED,
    LOADED,
    THINK,
    DYING,
    TEXT,
    DIE,
    THOUGHT,
    DIED,
    DIED,
    RESURRECT,
    ADMITTED,
    LOADED,
  ],
  [HELLO, RESURRECT, FAILED, RESURRECT, ADMITTED, LOADED, THINK, FAILED, THINK, THOUGHT],
  [HELLO, WARNING, FAILED, WARNING],
];

for (const lines of GOOD) {
  Deno.test(`what a jar may answer: ${lines.map(short).join(" ")}`, () => {
    assertEquals(wrongWith(lines), undefined);
  });
}

const BAD: readonly (readonly [lines: readonly string[], what: RegExp])[] = [
  [[TEXT], /"text" before "hello"/],
  [[HELLO, HELLO.replace('"processId":7', '"processId":8')], /another process, 8 on node1/],
  [[HELLO, RESURRECT, LOADED], /"loaded" before "admitted"/],
  [[HELLO, RESURRECT, ADMITTED, ADMITTED], /nobody asked for "admitted"/],
  [[HELLO, LOADED], /nobody asked for "loaded"/],
  [[HELLO, RESURRECT, ADMITTED, LOADED, LOADED], /nobody asked for "loaded"/],
  [[HELLO, THOUGHT], /nobody asked for "thought"/],
  [[HELLO, THINK, THOUGHT, THOUGHT], /nobody asked for "thought"/],
  [[HELLO, THINK, THOUGHT, TEXT], /nobody asked for "text"/],
  [[HELLO, THINK, TEXT, TEXT, TEXT, TEXT], /more pieces than tokens/],
  [[HELLO, DIED], /nobody asked for "died"/],
  [[HELLO, DIE, DIED, DIED], /nobody asked for "died"/],
  [[HELLO, ...Array.from({ length: 1001 }, () => WARNING)], /more than 1000 warnings/],
  [
    [
      HELLO,
      THINK_LONG,
      ...Array.from({ length: 5 }, () => TEXT.replace("Hi", "x".repeat(1024 ** 2))),
    ],
    /a thought has more than 4194304 characters/,
  ],
];

for (const [lines, what] of BAD) {
  const name = lines.slice(0, 5).map(short).join(" ");
  Deno.test(`what a jar may not answer: ${name}${lines.length > 5 ? " …" : ""}`, () => {
    assertMatch(wrongWith(lines) ?? "", what);
  });
}

function short(line: string): string {
  return /^\{"\w+":"(\w+)"/.exec(line)?.[1] ?? line;
}
