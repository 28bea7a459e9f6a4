import { brainjar } from "./src/cli/brainjar.ts";
import { colorWanted, processOutput } from "./src/cli/terminal/output.ts";

// Deno's tasks start in the project's folder; paths mean the folder in which they were typed.
const typedIn = Deno.env.get("BRAINJAR_CWD");
if (typedIn) Deno.chdir(typedIn);

Deno.exit(await brainjar(Deno.args, processOutput({ color: colorWanted(Deno.args) })));
