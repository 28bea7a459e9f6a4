/** Why a build ended without a program; the message is one sentence without a full stop. */
export class BuildError extends Error {
  override readonly name = "BuildError";
  /** What the tool said that failed. */
  readonly details: string;

  constructor(message: string, details = "") {
    super(message);
    this.details = details.trim();
  }
}

/** Runs a build; a BuildError is told on stderr and ends the process with exit code 3. */
export async function orExit(build: () => Promise<void>): Promise<void> {
  try {
    await build();
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    if (error.details !== "") console.error(error.details);
    console.error(`error: ${error.message}`);
    Deno.exit(3);
  }
}
