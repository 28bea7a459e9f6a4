import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { otherShares, placeLayers } from "../../../src/llama_cpp/memory/placement.ts";
import { weightUse } from "../../../src/llama_cpp/memory/weight_uses.ts";
import type { Device } from "../../../src/llama_cpp/options.ts";

function cards(...freeBytes: readonly number[]): Device[] {
  return freeBytes.map((bytes, index) => ({
    id: `cuda:${index}`,
    backend: "cuda",
    freeBytes: bytes,
    isUnified: false,
  }));
}

/** The device of each layer and of the output, "-" for RAM. */
function placed(layers: number, devices: readonly Device[], gpuLayers: number): string {
  const { layers: places, output } = placeLayers(layers, { devices, gpuLayers });
  return [...places, output].map((place) => place ?? "-").join("");
}

Deno.test("placement: the last layers lie on devices, the output first", () => {
  assertEquals(placed(4, cards(1), 0), "-----");
  assertEquals(placed(4, cards(1), 1), "----0");
  assertEquals(placed(4, cards(1), 3), "--000");
  assertEquals(placed(4, cards(1), 5), "00000");
  assertEquals(placed(4, cards(1), 99), "00000");
});

Deno.test("placement: devices share layers by their free bytes, in order", () => {
  assertEquals(placed(7, cards(1, 1), 8), "00001111");
  assertEquals(placed(7, cards(3, 1), 8), "00000011");
  assertEquals(placed(7, cards(1, 1), 4), "----0011");
  assertEquals(placed(7, cards(1, 2, 1), 8), "00111122");
  assertEquals(placed(3, cards(0, 1), 4), "1111");
  assertEquals(placed(3, cards(0, 0), 4), "1111");
});

Deno.test("placement: as many layers as asked lie on devices, and none goes back", () => {
  const free = fc.array(fc.integer({ min: 1, max: 2 ** 40 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(110), free, (count, gpuLayers, bytes) => {
      const { layers, output, isWhole } = placeLayers(count, {
        devices: cards(...bytes),
        gpuLayers,
      });
      const all = [...layers, output];
      const onDevices = all.filter((place) => place !== undefined);
      assertEquals(onDevices.length, Math.min(gpuLayers, count + 1));
      assertEquals(isWhole, onDevices.length === count + 1);
      assert(onDevices.every((place, index) => place >= (onDevices[index - 1] ?? 0)));
      assert(onDevices.every((place) => place < bytes.length));
    }),
  );
});

Deno.test("placement: what weights are for, by their names", () => {
  const cases: readonly (readonly [name: string, part: string | number, operation: string])[] = [
    ["token_embd.weight", "input", "GET_ROWS"],
    ["token_embd_norm.weight", 0, "MUL"],
    ["per_layer_token_embd.weight", "input", "GET_ROWS"],
    ["rope_freqs.weight", "every-layer", "ROPE"],
    ["output.weight", "output", "MUL_MAT"],
    ["output.bias", "output", "ADD"],
    ["output_norm.weight", "output", "MUL"],
    ["blk.3.attn_q.weight", 3, "MUL_MAT"],
    ["blk.3.attn_q.bias", 3, "ADD"],
    ["blk.3.attn_q_norm.weight", 3, "MUL"],
    ["blk.12.ffn_up_exps.weight", 12, "MUL_MAT_ID"],
    ["blk.12.ffn_up_exps.bias", 12, "ADD_ID"],
    ["blk.12.exp_probs_b.bias", 12, "ADD"],
    ["blk.0.ssm_a", 0, "SSM_SCAN"],
    ["blk.0.ssm_conv1d.weight", 0, "SSM_CONV"],
    ["blk.0.attn_sinks.weight", 0, "SCALE"],
    ["enc.blk.5.attn_rel_b.weight", 5, "GET_ROWS"],
    ["dec.blk.5.cross_attn_rel_b.weight", 5, "NONE"],
  ];
  for (const [name, part, operation] of cases) {
    assertEquals(weightUse(name), { part, operation }, name);
  }
});

Deno.test("placement: a share's bound that is near a layer may be on either side of it", () => {
  const MIB = 1024 ** 2;
  const ways = (layers: number, gpuLayers: number, ...free: readonly number[]) => {
    const devices = cards(...free.map((bytes) => bytes * MIB));
    return otherShares(layers, { devices, gpuLayers }).map((one) =>
      placed(layers, one.devices, gpuLayers)
    );
  };
  assertEquals(ways(7, 8, 1000), []);
  // 0.5625 of 8 layers is in the middle between 4 and 5 of them.
  assertEquals(ways(7, 8, 1125, 875), []);
  assertEquals(ways(7, 8, 1000, 1000), ["00000111"]);
  assertEquals(ways(7, 0, 1000, 1000), []);
});

Deno.test("placement: whatever several devices turn out to have, a way was told", () => {
  const MIB = 1024 ** 2;
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 100, max: 4000 }), fc.integer({ min: 100, max: 4000 })),
      fc.integer({ min: -16, max: 16 }),
      fc.integer({ min: 1, max: 40 }),
      ([a, b], off, layers) => {
        const gpuLayers = layers + 1;
        const devices = cards(a * MIB, b * MIB);
        const told = [{ devices, gpuLayers }, ...otherShares(layers, { devices, gpuLayers })];
        const places = told.map((one) => placed(layers, one.devices, gpuLayers));
        const firsts = places.map((one) => one.replaceAll("1", "").length);
        const real = placed(layers, cards((a + off) * MIB, (b - off) * MIB), gpuLayers);
        const first = real.replaceAll("1", "").length;
        assert(Math.min(...firsts) <= first && first <= Math.max(...firsts), `${places} ${real}`);
      },
    ),
  );
});
