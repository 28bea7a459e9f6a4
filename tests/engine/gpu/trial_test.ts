import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { BrainjarError } from "../../../src/budget/error.ts";
import { tryDevices } from "../../../src/engine/gpu/trial.ts";

/** A program that stands for one that answers for an engine. */
const shell = (script: string) => ({ words: ["sh", "-c", script], folder: "/" });

const onUnix = Deno.build.os !== "windows";

Deno.test({
  name: "trial: a driver that hangs is given up",
  ignore: !onUnix,
  fn: async () => {
    const began = performance.now();
    const error = await assertRejects(
      () => tryDevices(shell("exec sleep 60"), "cuda", "model.gguf", 300),
      BrainjarError,
    );
    assertEquals(error.code, "device-unusable");
    assertMatch(error.hint ?? "", /no answer in 0.3 s/);
    assert(performance.now() - began < 30_000);
  },
});

Deno.test({
  name: "trial: a process that ends with a driver's last words says what they mean",
  ignore: !onUnix,
  fn: async () => {
    const script =
      "echo 'CUDA error: PTX was compiled with an unsupported toolchain' >&2; kill -6 $$";
    const error = await assertRejects(
      () => tryDevices(shell(script), "cuda", "model.gguf"),
      BrainjarError,
    );
    assertEquals([error.code, error.kind], ["device-unusable", "engine"]);
    assertMatch(error.hint ?? "", /^Update NVIDIA's driver/);
  },
});
