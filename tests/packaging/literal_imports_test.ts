import { assertEquals, assertThrows } from "@std/assert";
import { BuildError } from "../../src/packaging/program/build_error.ts";
import { withLiteralImports } from "../../src/packaging/program/literal_imports.ts";

Deno.test("literal imports: a call is rewritten however it is wrapped, a comment may name one", () => {
  const wrapped = `// loadModule<typeof import("./b.ts")> is explained here
const { a } = await loadModule<
  typeof import("./a.ts")
>(
  import.meta,
  "./a.ts",
);`;
  assertEquals(
    withLiteralImports("x.ts", wrapped).split("\n").at(-1),
    'const { a } = await import("./a.ts");',
  );
});

Deno.test("literal imports: a call that can't be followed is no build", () => {
  for (
    const source of [
      'await loadModule<typeof import("./a.ts")>(import.meta, "./b.ts");',
      'await loadModule<typeof import("./a.ts")>(import.meta, name);',
      'await loadModule(import.meta, "./a.ts");',
    ]
  ) assertThrows(() => withLiteralImports("x.ts", source), BuildError, "x.ts");
});
