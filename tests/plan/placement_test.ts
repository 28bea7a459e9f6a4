import { assert, assertEquals } from "@std/assert";
import { GB, MB } from "../../src/budget/size.ts";
import { parseMachines } from "../../src/cli/settings/machines.ts";
import type { GpuLayers } from "../../src/llama_cpp/options.ts";
import { openHost } from "../../src/plan/host.ts";
import { planPlacement } from "../../src/plan/placement.ts";
import { planJars } from "../../src/plan/plan.ts";
import { completeSettings, type GpuChoice, type JarRequest } from "../../src/plan/settings.ts";

// On the demo brain, whose 90 MB of floor are the same wherever it is placed.

const POLICY = { allocationHeadroomBytes: 0, loadHeadroomBytes: 0 };

function jar(id: string, gpuLayers: GpuLayers, more: Partial<JarRequest> = {}): JarRequest {
  return { id, context: { gpuLayers, contextSize: 512 }, ...more };
}

async function place(jars: readonly JarRequest[], machines: string, gpu: GpuChoice = "auto") {
  const settings = completeSettings({ jars, policy: POLICY, gpu });
  const described = parseMachines(machines);
  const [first] = described;
  await using host = openHost({ ...first && { machine: first.machine }, gpu: "off" });
  const { placement } = await planPlacement(host, settings, described);
  const held = placement.shares.flatMap(({ kind, machines }) =>
    machines.map((jars) => ({ kind: kind.name, jars: jars.flatMap(({ ids }) => ids).toSorted() }))
  );
  return { placement, held };
}

Deno.test("placement of models: a jar needs what check says of it alone", async () => {
  const { placement } = await place([jar("mind", 0)], "1GB");
  const { validation } = await planJars({
    jars: [jar("mind", 0)],
    machine: { name: "a machine", totalBytes: 1 * GB },
    policy: POLICY,
    gpu: "off",
  });
  assertEquals(placement.shares[0]?.validation.requiredBytes, validation.requiredBytes);
});

Deno.test("placement of models: layers that are asked for go to a machine with a device", async () => {
  const { placement } = await place(
    [jar("card", "all"), jar("plain", 0)],
    "512MB*2,1GB+cuda:2GB*2",
  );
  const instances = placement.shares.flatMap(({ kind, validation }) =>
    validation.instances.map((
      { id, gpuLayers },
    ) => [id, kind.name, gpuLayers?.count === gpuLayers?.of])
  );
  assert(placement.ok);
  assertEquals(instances.find(([id]) => id === "card"), ["card", "1GB+cuda:2GB", true]);
});

Deno.test("placement of models: auto does without a device where it costs none", async () => {
  const { placement, held } = await place([jar("mind", "auto")], "1GB,1GB+cuda:2GB");
  assertEquals(held, [{ kind: "1GB", jars: ["mind"] }]);
  assertEquals(placement.shares[0]?.validation.instances[0]?.gpuLayers, undefined);
});

Deno.test("placement of models: --gpu off leaves devices alone, a kind those of others", async () => {
  for (const gpu of ["off", "vulkan"] as const) {
    const { placement } = await place([jar("mind", "auto")], "1GB+cuda:2GB", gpu);
    assert(placement.ok);
    assertEquals(placement.shares[0]?.validation.pools.map(({ id }) => id), ["ram"]);
  }
  const { placement } = await place([jar("card", "all")], "1GB+cuda:2GB", "vulkan");
  assertEquals(placement.unplaced[0]?.reason, "no-device");
});

Deno.test("placement of models: a RAM limit is required whole, one too low on no machine enough", async () => {
  const { placement } = await place([
    jar("large", 0, { ramLimitBytes: 600 * MB }),
    jar("low", 0, { ramLimitBytes: 1 * MB }),
  ], "1GB*2");
  assertEquals(placement.shares[0]?.validation.requiredBytes, 600 * MB);
  assertEquals(placement.unplaced.map(({ ids, reason }) => [ids, reason]), [[
    ["low"],
    "over-limit",
  ]]);
});

Deno.test("placement of models: each model is read once, each setting estimated once", async () => {
  const described = parseMachines("1GB*400");
  const jars = Array.from({ length: 300 }, (_, at) => jar(`jar-${at}`, 0));
  await using host = openHost({ machine: { name: "1GB", totalBytes: 1 * GB }, gpu: "off" });
  const settings = completeSettings({ jars, policy: POLICY, gpu: "auto" });
  const { placement } = await planPlacement(host, settings, described);
  assert(placement.ok);
  assertEquals(host.footprints?.size, 1);
});
