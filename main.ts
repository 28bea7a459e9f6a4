import { brainjar } from "./src/cli/brainjar.ts";
import { answersDryLoads, ownCommand } from "./src/cli/own_command.ts";
import { colorWanted, processOutput } from "./src/cli/terminal/output.ts";

const output = processOutput({ color: colorWanted(Deno.args) });
if (await answersDryLoads(Deno.args, output)) Deno.exit(0);
Deno.exit(
  await brainjar(Deno.args, output, {
    dryLoadCommand: ownCommand(Deno.args),
    jarCommand: ownCommand(Deno.args, undefined, "jar"),
    // Deno's tasks start in the project's folder; paths mean the folder in which they were typed.
    typedIn: Deno.env.get("BRAINJAR_CWD"),
  }),
);
