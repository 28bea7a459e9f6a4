import { brainjar } from "./src/cli/brainjar.ts";
import { ANSWER_DRY_LOADS, ownCommand } from "./src/cli/own_command.ts";
import { colorWanted, processOutput } from "./src/cli/terminal/output.ts";
import { jsonText } from "./src/report/printable.ts";
import { loadModule } from "./src/load_module.ts";

const output = processOutput({ color: colorWanted(Deno.args) });
if (Deno.args[0] === ANSWER_DRY_LOADS) {
  const { answerDryLoads } = await loadModule<typeof import("./src/engine/answer_dry_loads.ts")>(
    import.meta,
    "./src/engine/answer_dry_loads.ts",
  );
  await answerDryLoads(Deno.stdin.readable, (answer) => output.answer(`${jsonText(answer)}\n`));
  Deno.exit(0);
}
Deno.exit(
  await brainjar(Deno.args, output, {
    dryLoadCommand: ownCommand(Deno.args),
    // Deno's tasks start in the project's folder; paths mean the folder in which they were typed.
    typedIn: Deno.env.get("BRAINJAR_CWD"),
  }),
);
