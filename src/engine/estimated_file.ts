import { BrainjarError } from "../budget/error.ts";

/** A model's file as it was when its footprint was estimated. */
export interface EstimatedFile {
  readonly path: string;
  /** Its size in bytes. */
  readonly fileBytes: number;
}

/**
 * Throws where a file isn't what was estimated any more: what would be loaded is another model,
 * or a part of one, and nobody has said that it fits.
 *
 * Sizes tell one model from another, and a finished download from one that goes on; times also
 * change where nothing else did.
 *
 * @throws {BrainjarError} `model-changed`, or `model-not-found`
 *
 * @example
 * ```ts
 * import { checkUnchanged } from "./estimated_file.ts";
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "another model");
 * const failure = await checkUnchanged([{ path, fileBytes: 4 }]).catch((error) => error);
 * await Deno.remove(path);
 * if (failure.code !== "model-changed") throw failure;
 * ```
 */
export async function checkUnchanged(files: readonly EstimatedFile[]): Promise<void> {
  for (const { path, fileBytes } of files) {
    const size = await sizeOf(path);
    if (size === fileBytes) continue;
    throw new BrainjarError(
      "model-changed",
      `Model file changed since its memory was estimated: ${path} had ${fileBytes} bytes and has ${size} now`,
      { hint: "Start brainjar again, once nothing writes the file" },
    );
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new BrainjarError("model-not-found", `Model file is gone: ${path}`, {
      hint: "It was there when its memory was estimated: put it back",
      cause: error,
    });
  }
}
