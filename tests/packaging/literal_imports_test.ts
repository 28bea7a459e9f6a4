import { assertEquals, assertThrows } from "@std/assert";
import { BuildError } from "../../src/packaging/program/build_error.ts";
import {
  copyWithLiteralImports,
  withLiteralImports,
} from "../../src/packaging/program/literal_imports.ts";

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

Deno.test("literal imports: what belongs together is imported at once, also by what comes later", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const call = (path: string) =>
      `await loadModule<typeof import("${path}")>(import.meta, "${path}");`;
    await Deno.mkdir(`${folder}/from/rare`, { recursive: true });
    await Deno.writeTextFile(
      `${folder}/from/main.ts`,
      `${call("./usual.ts")}\n${call("./rare/a.ts")}`,
    );
    await Deno.writeTextFile(`${folder}/from/usual.ts`, "export {};");
    await Deno.writeTextFile(`${folder}/from/rare/a.ts`, "export {};");
    await copyWithLiteralImports(`${folder}/from`, `${folder}/to`, ["usual.ts"]);
    const read = (path: string) => Deno.readTextFileSync(`${folder}/to/${path}`).split("\n");
    assertEquals(read("main.ts"), [
      'import * as atOnce0 from "./usual.ts";',
      "await Promise.resolve(atOnce0);",
      'await import("./rare/a.ts");',
    ]);
    assertEquals(read("together.ts"), ['import "./usual.ts";', ""]);
    assertEquals(read("rare/a.ts"), ['import "./../together.ts";', "export {};"]);
    assertEquals(read("usual.ts"), ["export {};"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
