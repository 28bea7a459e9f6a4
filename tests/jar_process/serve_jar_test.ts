import { assert, assertEquals } from "@std/assert";
import { boundedLines, parseAnswer } from "../../src/jar_process/lines.ts";
import { jsonText } from "../../src/report/printable.ts";
import type { JarAnswer, JarRequest } from "../../src/report/schema/jar.ts";
import { FakeClock } from "../experiment/fake_clock.ts";
import { fakeChild } from "./fake_child.ts";

/** Asks a jar's process all of this at once, and answers what it said until it ended. */
async function ask(requests: readonly JarRequest[], isEnded = true): Promise<JarAnswer[]> {
  const clock = new FakeClock();
  const child = fakeChild({ clock });
  const writer = child.stdin.getWriter();
  const encoder = new TextEncoder();
  const writing = (async () => {
    for (const request of requests) await writer.write(encoder.encode(`${jsonText(request)}\n`));
    if (isEnded) await writer.close();
  })();
  const answers: JarAnswer[] = [];
  for await (const line of boundedLines(child.stdout)) answers.push(parseAnswer(line));
  await Promise.all([writing, child.status]);
  return answers;
}

/** How often each answer was given. */
function counts(answers: readonly JarAnswer[]): Record<string, number> {
  const found = Map.groupBy(answers, ({ answer }) => answer);
  return Object.fromEntries([...found].map(([answer, all]) => [answer, all.length]));
}

const RESURRECT: JarRequest = { ask: "resurrect" };

Deno.test("serving a jar: what is asked out of turn is answered, and no more than a few things wait", async () => {
  const answers = await ask(Array.from({ length: 5000 }, () => RESURRECT));
  const { failed = 0, ...others } = counts(answers);
  assertEquals(others, { hello: 1, bye: 1 });
  // What waits when its stdin ends is not done any more.
  assert(failed <= 5000 && failed >= 5000 - 9, `${failed}`);
  const messages = answers.flatMap((answer) => answer.answer === "failed" ? [answer.message] : []);
  assert(messages.includes("There is no jar yet that could be brought to life"));
  assert(messages.includes("More than 8 requests wait for the one that is under way"));
});

Deno.test("serving a jar: who asks how it is a thousand times at once is answered, not as often", async () => {
  const answers = await ask(Array.from({ length: 1000 }, () => ({ ask: "vitals" })));
  const { vitals = 0, ...others } = counts(answers);
  assertEquals(others, { hello: 1, bye: 1 });
  assert(vitals >= 1 && vitals <= 1000, `${vitals}`);
});

Deno.test("serving a jar: one that is asked nothing any more ends, also before it was told what to load", async () => {
  const answers = await ask([{ ask: "hello", silenceMilliseconds: 30_000 }], false);
  assertEquals(answers.map((answer) => answer.answer), ["hello", "hello", "bye"]);
  assertEquals(answers.at(-1), { answer: "bye", reason: "silence" });
});
