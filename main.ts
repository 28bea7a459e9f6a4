import { brainjar } from "./src/cli/brainjar.ts";
import { colorWanted, processOutput } from "./src/cli/terminal.ts";

Deno.exit(await brainjar(Deno.args, processOutput({ color: colorWanted(Deno.args) })));
