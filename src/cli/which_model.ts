import type { Settings } from "../plan/settings.ts";
import type { Output } from "./terminal/output.ts";

/** Says on stderr which model is used where nobody named one for these jars. */
export function sayWhichModel(settings: Settings, output: Pick<Output, "say">): void {
  const unnamed = settings.jars.find(({ modelFrom }) =>
    modelFrom === "demo" || modelFrom === "environment"
  );
  if (unnamed === undefined) return;
  output.say(
    unnamed.modelFrom === "demo"
      ? "Using the demo brain inside brainjar; name a model with --model or $BRAINJAR_MODEL\n"
      : `Using $BRAINJAR_MODEL: ${unnamed.model}\n`,
  );
}
