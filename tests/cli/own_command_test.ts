import { assertEquals } from "@std/assert";
import { ANSWER_DRY_LOADS, ownCommand } from "../../src/cli/own_command.ts";

Deno.test("a program starts itself again with the words that started it, but for its own", () => {
  const line = (...words: string[]) => () => words.map((word) => `${word}\0`).join("");
  const start = ["deno", "run", "-A", "main.ts"];
  const own = {
    words: [Deno.execPath(), "run", "-A", "main.ts", ANSWER_DRY_LOADS],
    folder: Deno.cwd(),
  };
  assertEquals(ownCommand(["check", ""], line(...start, "check", ""))(), own);
  assertEquals(ownCommand([], line(...start))(), own);
  // Another command line than that of these words, or none that can be read.
  assertEquals(ownCommand(["estimate"], line(...start, "check"))(), undefined);
  assertEquals(ownCommand(["estimate"], line("estimate"))(), undefined);
  const unreadable = () => {
    throw new Deno.errors.NotFound("/proc/self/cmdline");
  };
  assertEquals(ownCommand(["check"], unreadable)(), undefined);
});
