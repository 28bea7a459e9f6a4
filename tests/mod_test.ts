import { assert, assertEquals } from "@std/assert";
import { checkAvailableMemoryBeforeLoad } from "../src/budget/preflight.ts";
import { validateMemoryBudget } from "../src/budget/validate.ts";
import * as library from "../src/mod.ts";

// The library is what src/mod.ts exports. Its example runs with the doc tests.

const root = new URL("..", import.meta.url);

async function deno(...args: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("mod: the three functions of the rules are there under their names", () => {
  assertEquals(library.validateMemoryBudget, validateMemoryBudget);
  assertEquals(library.checkAvailableMemoryBeforeLoad, checkAvailableMemoryBeforeLoad);
  assertEquals(library.MemoryBudgetManager.name, "MemoryBudgetManager");
});

Deno.test("mod: every exported symbol is documented and typed", async () => {
  const { code, said } = await deno("doc", "--lint", "src/mod.ts");
  assertEquals(code, 0, said);
});

Deno.test("mod: it can be published, without tests and tools", async () => {
  const { code, said } = await deno("publish", "--dry-run", "--allow-dirty", "--no-check");
  assertEquals(code, 0, said);
  assert(said.includes("/src/mod.ts"), said);
  for (const folder of ["/tests/", "/.ci/", "/fixtures/main.ts"]) assert(!said.includes(folder));
});
