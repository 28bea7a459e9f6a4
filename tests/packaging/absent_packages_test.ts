import { assertEquals } from "@std/assert";
import {
  closeAbsentPackages,
  packagesNamedBy,
} from "../../src/packaging/program/absent_packages.ts";

Deno.test("absent packages: whatever a module may ask for is named", () => {
  for (
    const [source, names] of [
      ['const a = require("supports-color");', ["supports-color"]],
      ["try { require.resolve('debug/src/node') } catch {}", ["debug"]],
      ['await import("@node-llama-cpp/linux-x64-cuda")', ["@node-llama-cpp/linux-x64-cuda"]],
      ['import{a}from"yargs";import"zod/v4"', ["yargs", "zod"]],
      ['export * from "./near.js"; import "/far.js"; import "#inner"', []],
      ['import fs from "node:fs"; import "npm:debug"; require("path")', []],
      ["import(name); import(`./${name}`)", []],
    ] as const
  ) assertEquals([...packagesNamedBy(source)], [...names], source);
});

Deno.test("absent packages: those that aren't there become empty ones, the others stay", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/node_modules/debug`, { recursive: true });
    await Deno.writeTextFile(`${folder}/node_modules/debug/package.json`, '{"name":"debug"}');
    await Deno.writeTextFile(
      `${folder}/node_modules/debug/index.js`,
      'require("supports-color"); require("debug"); require("@a/b/c")',
    );
    await closeAbsentPackages(folder);
    const packageOf = (name: string) =>
      JSON.parse(Deno.readTextFileSync(`${folder}/node_modules/${name}/package.json`));
    assertEquals(packageOf("debug"), { name: "debug" });
    assertEquals(packageOf("supports-color"), { exports: {} });
    assertEquals(packageOf("@a/b"), { exports: {} });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
