import type { Settings } from "./settings.ts";
import type { Output } from "./terminal.ts";
import type { FlagValues } from "./values.ts";

/** Says on stderr which model is used where none was named on the command line. */
export function sayWhichModel(settings: Settings, values: FlagValues, output: Output): void {
  if (values.has("model")) return;
  const named = values.jarTexts("model");
  const unnamed = settings.jars.filter((jar) => !named.has(jar.id) && !named.has(jar.role));
  const jar = unnamed[0];
  if (jar === undefined) return;
  output.say(
    jar.model === undefined
      ? "Using the demo brain inside brainjar; name a model with --model or $BRAINJAR_MODEL\n"
      : `Using $BRAINJAR_MODEL: ${jar.model}\n`,
  );
}
