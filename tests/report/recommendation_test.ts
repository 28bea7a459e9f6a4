import { assertEquals } from "@std/assert";
import type { Changes } from "../../src/budget/changes.ts";
import { GB } from "../../src/budget/size.ts";
import { recommendationFlags } from "../../src/report/recommendation.ts";
import { gb, jar, machine, validate } from "../budget/cases.ts";

function flagsOf(changes: Changes, validation = validate([jar("subject")], machine(16))) {
  return recommendationFlags({ kind: "changes", changes, requiredBytes: 1 }, validation);
}

Deno.test("recommendation: each change has its flag", () => {
  assertEquals(flagsOf({}), []);
  assertEquals(
    flagsOf({
      ramLimits: [{ role: "god", bytes: gb(9.1), text: "9.1" }],
      contextSize: 4096,
      kvCacheType: "Q8_0",
      mmap: false,
      criterion: "floor",
      shareWeights: true,
    }),
    [
      "--ram-limit-god 9.1",
      "--context-size 4096",
      "--kv-cache-type q8_0",
      "--no-mmap",
      "--criterion floor",
    ],
  );
  const limits = (["god", "subject"] as const).map((role) => ({ role, bytes: GB, text: "1.0" }));
  assertEquals(flagsOf({ ramLimits: limits, mode: "single" }), [
    "--mode single",
    "--ram-limit-subject 1.0",
  ]);
});

Deno.test("recommendation: a limit names the jars of its role, but in mode matrix", () => {
  const peers = validate(["peer_a", "peer_b"].map((id) => jar(id)), machine(16));
  const changes = { ramLimits: [{ role: "subject", bytes: GB, text: "1.0" }] } as const;
  assertEquals(flagsOf(changes, { ...peers, mode: "peer" }), [
    "--ram-limit-peer_a 1.0",
    "--ram-limit-peer_b 1.0",
  ]);
  assertEquals(flagsOf(changes, { ...peers, mode: "matrix" }), ["--ram-limit-subject 1.0"]);
});

Deno.test("recommendation: layers have one flag, or one for each jar that has more than others", () => {
  const withLayers = (id: string, count: number) => ({
    ...jar(id),
    gpuLayers: { count, of: 33, isFound: false },
  });
  const all = validate([withLayers("subject", 33), withLayers("god", 33)], machine(16));
  assertEquals(flagsOf({ gpuLayers: 21 }, all), ["--gpu-layers 21"]);
  const some = validate([withLayers("subject", 33), withLayers("god", 12)], machine(16));
  assertEquals(flagsOf({ gpuLayers: 21, gpu: "off" }, some), [
    "--gpu-layers-subject 21",
    "--gpu off",
  ]);
});
