import { assertEquals } from "@std/assert";
import { showReading } from "../../src/cli/run/reading.ts";

/** What is shown of a file that is read, each part after so many milliseconds. */
async function shown(interactive: boolean): Promise<readonly string[]> {
  const lines: string[] = [];
  let time = 0;
  const reading = await showReading("talk.jsonl", { interactive }, {
    progress: {
      show: (state) => void lines.push(state.kind === "reading" ? `${state.fraction}` : state.kind),
      clear: () => void lines.push("cleared"),
    },
    now: () => time,
  });
  for (const fraction of [0.1, 0.2, 0.3]) {
    time += 300;
    reading.show(fraction);
  }
  reading.end();
  reading.show(1);
  return lines;
}

Deno.test("reading: a terminal shows it once it takes a while, until it is over", async () => {
  assertEquals(await shown(true), ["0.2", "0.3", "cleared"]);
});

Deno.test("reading: without a terminal nothing is shown", async () => {
  assertEquals(await shown(false), []);
});
