import type { Mode, Role } from "../../budget/demand.ts";
import type { JarRequest, PlanRequest } from "../../plan/settings.ts";

/** A jar as a mode or a jar file has it, before flags and environment. */
export interface NamedJar extends JarRequest {
  readonly role: Role;
  /** Where the model is named, for people: `brainjar.jsonc:7:14`; looked for only where it is told. */
  readonly modelPlace?: () => string;
  /** Whether `prompt` is the path of a file, from here, and not the text. */
  readonly promptIsFile?: boolean;
  /** Where the prompt is said, for people. */
  readonly promptPlace?: () => string;
  /** The model as the file names it, before its path was made one from here. */
  readonly modelWritten?: string;
}

/** Which jars there are: a mode and a jar file are both of this shape. */
export interface JarSet extends PlanRequest {
  readonly mode: Mode;
  readonly jars: readonly NamedJar[];
}
