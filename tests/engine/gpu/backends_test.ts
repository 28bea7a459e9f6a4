import { assert, assertEquals, assertThrows } from "@std/assert";
import { createRequire } from "node:module";
import { BrainjarError } from "../../../src/budget/error.ts";
import {
  backendsOf,
  ENGINE_VERSION,
  installedBackends,
  installedFolder,
  type Platform,
  variantOf,
} from "../../../src/engine/gpu/backends.ts";
import {
  checkSystemLibraries,
  cudaRuntime,
  type FindsLibrary,
} from "../../../src/engine/gpu/system_libraries.ts";

const LOCK = JSON.parse(await Deno.readTextFile(new URL("../../../deno.lock", import.meta.url)));

Deno.test("every build of the engine has a checksum, and those for CUDA and Vulkan nobody's processor", () => {
  const platforms: readonly Platform[] = ["linux-x86_64", "windows-x86_64", "darwin-aarch64"];
  for (const platform of platforms) {
    for (const backend of backendsOf(platform)) {
      const { main, older } = variantOf(backend, platform) ?? {};
      for (const { name } of [main, older].filter((one) => one !== undefined)) {
        const locked = LOCK.npm[`${name}@${ENGINE_VERSION}`];
        assert(locked?.integrity.startsWith("sha512-"), name);
        assertEquals(locked.cpu, backend === "metal" ? ["arm64"] : ["on-demand"]);
      }
    }
  }
  assertEquals(backendsOf("linux-aarch64"), []);
  assertEquals(backendsOf("darwin-aarch64"), ["metal"]);
});

Deno.test("a build is installed where the engine itself would find it", () => {
  const engine = createRequire(import.meta.resolve("node-llama-cpp"));
  for (const backend of backendsOf()) {
    const { main } = variantOf(backend) ?? {};
    if (main === undefined) continue;
    let found: string | undefined;
    try {
      found = engine.resolve(main.name);
    } catch {
      // It isn't here.
    }
    const folder = installedFolder(main);
    assertEquals(folder && new URL("dist/index.js", folder).pathname, found);
    assertEquals(installedBackends().includes(backend), found !== undefined);
  }
});

const all: FindsLibrary = () => true;
const only = (...names: readonly string[]): FindsLibrary => (name) => names.includes(name);
const without = (...names: readonly string[]): FindsLibrary => (name) => !names.includes(name);

for (
  const [backend, finds, lacking] of [
    ["cuda", without("libcuda.so.1"), "libcuda.so.1"],
    ["cuda", only("libcuda.so.1"), "libcudart.so.13"],
    ["cuda", only("libcuda.so.1", "libcudart.so.13", "libcudart.so.12"), "libcublas.so.13"],
    ["vulkan", without("libvulkan.so.1"), "libvulkan.so.1"],
  ] as const
) {
  Deno.test(`without ${lacking} --gpu ${backend} is refused, and the hint says what installs it`, () => {
    const error = assertThrows(() => checkSystemLibraries(backend, finds), BrainjarError);
    assertEquals(error.code, "gpu-library-missing");
    assertEquals(error.message, `A library that --gpu ${backend} needs is missing: ${lacking}`);
    assert(error.hint?.startsWith("Install "));
  });
}

Deno.test("CUDA's newer runtime is taken where it and a driver for it are here", () => {
  assertEquals(cudaRuntime(all, undefined), 13);
  assertEquals(cudaRuntime(all, 14), 13);
  assertEquals(cudaRuntime(all, 12), 12);
  assertEquals(cudaRuntime(without("libcublas.so.13"), 13), 12);
  assertEquals(cudaRuntime(without("libcublas.so.13", "libcudart.so.12"), 13), undefined);
  assertEquals(cudaRuntime(without("libcudart.so.12"), 12), undefined);
  for (const backend of ["cuda", "vulkan", "metal"] as const) checkSystemLibraries(backend, all);
});
