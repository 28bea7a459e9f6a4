import { assert, assertEquals, assertThrows } from "@std/assert";
import { MB } from "../../../src/budget/size.ts";
import { compareHeading, compareText } from "../../../src/report/estimate/compare_text.ts";
import type { EstimatedModel } from "../../../src/report/estimate/estimate_json.ts";
import { options } from "../../llama_cpp/sample_header.ts";
import { MODEL } from "../cases.ts";

const HEADER: EstimatedModel = {
  model: MODEL,
  options: options({ contextSize: 4096 }),
  footprint: {
    estimator: "header",
    confidence: "exact",
    notes: [],
    bytes: {
      weights: 110 * MB,
      kvCache: 20 * MB,
      recurrentState: 0,
      compute: 30 * MB,
      output: MB,
      repacked: 60 * MB,
      vocabulary: 40 * MB,
      runtime: 38 * MB,
      floor: 200 * MB,
      workingSet: 250 * MB,
      peak: 260 * MB,
    },
    resident: [],
  },
};

function engine(modelBytes: number, contextBytes: number, leftOutBytes: number): EstimatedModel {
  const dryLoad = { modelBytes, contextBytes, leftOutBytes };
  return { ...HEADER, footprint: { ...HEADER.footprint, estimator: "engine", dryLoad } };
}

/** What stands in a part's line, cells apart. */
function cells(text: string, part: string): string[] {
  const line = text.split("\n").find((line) => line.slice(32).trim().startsWith(part)) ?? "";
  return line.slice(52).trim().split(/ {2,}/);
}

Deno.test("compare: what the dry load leaves out is nobody's difference", () => {
  const text = compareText([HEADER, engine(100 * MB, 50 * MB, 10 * MB)]);
  assertEquals(cells(text, "weights").slice(-1), ["none"]);
  assertEquals(cells(text, "cache and compute").slice(-1), ["none"]);
  for (const part of ["other layouts", "output", "vocabulary", "runtime"]) {
    assertEquals(cells(text, part).slice(-1), ["not counted"], part);
  }
  assert(text.startsWith("Brain 8B "), text);
});

Deno.test("compare: which part differs, in which direction and by how much", () => {
  const under = compareText([HEADER, engine(110 * MB, 50 * MB, 10 * MB)]);
  assertEquals(cells(under, "weights").slice(-1), ["-10.00 MB (-9.09%)"]);
  assertEquals(cells(under, "cache and compute").slice(-1), ["none"]);
  const over = compareText([HEADER, engine(110 * MB, 40 * MB, 0)]);
  assertEquals(cells(over, "weights").slice(-1), ["none"]);
  assertEquals(cells(over, "cache and compute").slice(-1), ["+10.00 MB (+25.00%)"]);
  assert(!over.includes("other layouts"), over);
});

Deno.test("compare: every line ends in its columns, and a heading names them", () => {
  assert(/^model +part +header +engine +difference\n$/.test(compareHeading()));
  const long = { ...HEADER, model: { ...MODEL, name: "n".repeat(99) } };
  const [first = ""] = compareText([long, engine(1, 1, 0)]).split("\n");
  assert(first.startsWith("n".repeat(30) + "… weights "), first);
});

Deno.test("compare: a header's answer and an engine's, or nothing", () => {
  const failed = { path: "a", error: { code: "a", message: "b" } };
  for (const entries of [[], [HEADER], [HEADER, HEADER], [failed, HEADER], [HEADER, failed]]) {
    assertThrows(() => compareText(entries), RangeError);
  }
});
