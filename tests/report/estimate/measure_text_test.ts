import { assert, assertEquals } from "@std/assert";
import {
  measuredDevice,
  type MeasuredStage,
  measureText,
  type StageMemory,
} from "../../../src/report/estimate/measure_text.ts";

const MB = 1024 ** 2;

const ESTIMATED = {
  id: "cuda:0",
  weights: 600 * MB,
  kvCache: 100 * MB,
  recurrentState: 0,
  compute: 50 * MB,
  runtime: 500 * MB,
  thinking: 20 * MB,
};

/** Stages with so many megabytes in use on the device; none where nobody tells. */
function stages(used: readonly (readonly [MeasuredStage, number | undefined])[]): StageMemory[] {
  return used.map(([stage, megabytes]) => ({
    stage,
    anonymousBytes: 10 * MB,
    fileBytes: 0,
    ...megabytes !== undefined &&
      { devices: [{ id: "cuda:0", usedBytes: megabytes * MB }, { id: "cuda:1", usedBytes: 5 }] },
  }));
}

function textOf(measured: StageMemory[]): string {
  const estimated = {
    weights: 0,
    kvCache: 0,
    recurrentState: 0,
    compute: 0,
    output: 0,
    repacked: 0,
    vocabulary: 0,
    runtime: 0,
    floor: MB,
    workingSet: MB,
    peak: MB,
  };
  const device = measuredDevice({ id: "cuda:0", name: "A card", estimated: ESTIMATED }, measured);
  const peaks = { anonymousPeakBytes: MB, peakBytes: MB, floorRatio: 1 };
  return measureText({ path: "a.gguf", estimated, stages: measured, ...peaks, devices: [device] });
}

const TOLD = stages([
  ["started", 1000],
  ["engine open", 1500],
  ["after load", 2110],
  ["after first context", 2260],
  ["after thinking", 2290],
  ["context gone", 2120],
  ["after dispose", 1510],
]);

Deno.test("measured device: what a driver told, stage by stage, beside the estimate", () => {
  const device = measuredDevice({ id: "cuda:0", name: "A card", estimated: ESTIMATED }, TOLD);
  assertEquals(
    [device.isTold, device.contextBytes, device.heldBytes],
    [true, 500 * MB, 1290 * MB],
  );
  const lines = textOf(TOLD).split("\n");
  const at = (start: string) => lines.findLast((line) => line.startsWith(start))?.split(/ {2,}/);
  assertEquals(lines.includes("ON cuda:0: A card"), true);
  assertEquals(at("started")?.slice(1), ["0.98 GB", "0.00 GB"]);
  assertEquals(at("after dispose")?.slice(1), ["1.47 GB", "0.50 GB"]);
  assertEquals(at("Weights")?.slice(1), ["0.59 GB", "0.60 GB", "-1.6%"]);
  assertEquals(at("Cache and compute")?.slice(1), ["0.15 GB", "0.15 GB", "+0.0%"]);
  assertEquals(at("Process and thinking")?.slice(1), ["0.51 GB", "0.52 GB", "-1.9%"]);
  assertEquals(at("All, after a thought")?.slice(1), ["1.24 GB", "1.26 GB", "-1.6%"]);
});

Deno.test("measured device: where only the engine tells, what it holds itself isn't compared", () => {
  const measured = stages([["started", undefined], ["engine open", 300], ["after load", 900]]);
  const device = measuredDevice({ id: "cuda:0", name: "A card", estimated: ESTIMATED }, measured);
  assertEquals([device.isTold, device.contextBytes], [true, undefined]);
  const text = textOf(measured);
  assert(/^started +- +-$/m.test(text), text);
  assert(/^Thinking: /m.test(text), text);
  assert(!text.includes("Process and thinking"), text);
});

Deno.test("measured device: a driver that always says the same tells nothing", () => {
  const measured = stages([["started", 0], ["engine open", 0], ["after thinking", 0]]);
  const text = textOf(measured);
  assert(text.includes("Its driver doesn't tell what is in use there; estimated 1.24 GB"), text);
  assert(!text.includes("since start"), text);
});
