import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { MB } from "../../src/budget/size.ts";
import { requestsOf } from "../../src/job_files/asked.ts";
import { COORDINATOR_BYTES } from "../../src/jar_process/own_limit.ts";
import { readLauncher } from "../../src/jar_process/launchers/read_launcher.ts";
import { limitOf } from "../../src/jar_process/launchers/asked_of.ts";
import { PLAN_JSON_SCHEMA } from "../../src/report/schema/plan.ts";
import { planJson } from "../../src/report/plan/plan_json.ts";
import { planText } from "../../src/report/plan/plan_text.ts";
import { assertGolden } from "../golden.ts";
import { demandOf, plannedJars } from "./cases.ts";

Deno.test("asked: the limits are those that a run asks its launchers for", () => {
  const bytes = fc.integer({ min: 0, max: 2 ** 45 });
  fc.assert(fc.property(bytes, bytes, (floorBytes, more) => {
    const demand = demandOf({ floorBytes, workingSetBytes: floorBytes + more });
    const [asked] = requestsOf(plannedJars([demand]), "working-set");
    assertEquals(asked?.requestBytes, floorBytes + more);
    assertEquals(asked?.limits.map(({ launcher }) => launcher).includes("process"), false);
    for (const { launcher, limitBytes } of asked?.limits ?? []) {
      const choice = readLauncher(`${launcher} image`);
      assertEquals(limitBytes, choice && limitOf(choice, demand, "working-set"), launcher);
    }
  }));
});

Deno.test("asked: the table for people", async () => {
  await assertGolden("plan", planText(requests()));
});

Deno.test("asked: the answer for programs, and no key that the schema doesn't know", () => {
  const json = planJson(requests(), { mode: "matrix", estimator: "header" }, []);
  const answer = JSON.parse(JSON.stringify(json));
  assertEquals(PLAN_JSON_SCHEMA.parse(answer), answer);
  assertEquals(json.requestBytes, 3 * 5400 * MB + COORDINATOR_BYTES);
});

function requests() {
  const figures = { floorBytes: 1200 * MB + 1, workingSetBytes: 5400 * MB };
  const devices = [{ id: "cuda:0", bytes: 4100 * MB, sharedBytes: 0, processBytes: 0 }];
  return {
    jars: requestsOf(
      plannedJars([
        demandOf(figures),
        demandOf({ ...figures, devices }, "observer"),
        demandOf(figures, "god\u001b[2J"),
      ]),
      "working-set",
    ),
    coordinatorBytes: COORDINATOR_BYTES,
  };
}
