import { assertEquals } from "@std/assert";
import { ROOT } from "./program.ts";

// Deno's tasks start brainjar in the project's folder, by a path from there; what was typed is
// meant from the folder that BRAINJAR_CWD names.

Deno.test("a task's paths are meant from where it was typed, and its dry loads start all the same", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-typed-in-" });
  try {
    await Deno.copyFile(`${ROOT}fixtures/demo-brain.gguf`, `${folder}/m.gguf`);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-P=brainjar", "main.ts"]
        .concat(["estimate", "m.gguf", "--estimator", "engine", "--json"]),
      cwd: ROOT,
      env: { BRAINJAR_CWD: folder },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const { estimates } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(estimates[0].estimator, "engine");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
