import { assertEquals } from "@std/assert";
import { tellWaits } from "../../src/cli/run/waits.ts";
import type { StartWait } from "../../src/jar_process/watch_start.ts";

const slurm = (seconds: number, why = "PENDING (Resources)"): StartWait => ({
  launcher: "slurm",
  milliseconds: seconds * 1000,
  why,
});

/** Tells so many seconds of waiting, one after the other. */
function wait(seconds: number, why: (second: number) => string, ids = ["god"]) {
  const drawn: (string | undefined)[] = [];
  const said: string[] = [];
  const hear = tellWaits({
    draw: (text) => drawn.push(text),
    say: (text) => said.push(text),
  });
  for (let second = 1; second <= seconds; second++) {
    for (const id of ids) hear(id, slurm(second, why(second)));
  }
  for (const id of ids) hear(id, undefined);
  return { drawn, said, hear };
}

Deno.test("waits: a line that is drawn anew has all of them, and goes when nothing is waited for", () => {
  const { drawn, hear } = wait(2, () => "PENDING (Resources)", ["subject", "god"]);
  assertEquals(drawn, [
    "Waiting 0:01 for slurm to start 'subject': PENDING (Resources)",
    "Waiting 0:01 for slurm to start 'subject', 'god': PENDING (Resources)",
    "Waiting 0:02 for slurm to start 'subject', 'god': PENDING (Resources)",
    "Waiting 0:02 for slurm to start 'subject', 'god': PENDING (Resources)",
    "Waiting 0:02 for slurm to start 'god': PENDING (Resources)",
    undefined,
  ]);
  hear("subject", slurm(1));
  hear("god", { launcher: "ssh lab", milliseconds: 90_000, why: "" });
  assertEquals(
    drawn.at(-1),
    "Waiting 0:01 for slurm to start 'subject': PENDING (Resources); " +
      "Waiting 1:30 for ssh lab to start 'god'",
  );
});

Deno.test("waits: lines that stay are said now and then, and where the reason is another", () => {
  const { said } = wait(
    200,
    (second) => second < 100 ? "PENDING (Resources)" : "PENDING (Priority)",
  );
  assertEquals(said, [
    "Waiting 0:10 for slurm to start 'god': PENDING (Resources)",
    "Waiting 1:10 for slurm to start 'god': PENDING (Resources)",
    "Waiting 1:40 for slurm to start 'god': PENDING (Priority)",
    "Waiting 2:40 for slurm to start 'god': PENDING (Priority)",
  ]);
  assertEquals(wait(9, () => "").said, []);
});

Deno.test("waits: what is waited for again is said again", () => {
  const { said, hear } = wait(12, () => "");
  for (let second = 1; second <= 12; second++) hear("god", slurm(second, ""));
  assertEquals(said.length, 2);
});
