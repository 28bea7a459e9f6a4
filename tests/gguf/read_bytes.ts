import { assert, assertStringIncludes } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { decode, type PartHeader } from "../../src/gguf/decode.ts";
import type { ReadOptions } from "../../src/gguf/limits.ts";
import { memorySource } from "./memory_source.ts";

/** Decodes bytes that are in memory, as the file `bad.gguf`. */
export function readBytes(bytes: Uint8Array, options?: ReadOptions): Promise<PartHeader> {
  return decode(memorySource(bytes, "bad.gguf"), options);
}

/** Asserts that it fails with this code, and with a message that has all of these pieces. */
export async function assertFault(
  attempt: () => Promise<unknown>,
  code: string,
  ...pieces: readonly string[]
): Promise<BrainjarError> {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof BrainjarError)) throw new Error(`Not a BrainjarError: ${error}`);
    assert(error.code === code, `Code ${error.code} instead of ${code}: ${error.message}`);
    for (const piece of pieces) assertStringIncludes(error.message, piece);
    assert(error.kind === "usage");
    assert(error.hint !== undefined && error.hint !== "" && !error.hint.endsWith("."), "No hint");
    assert(/^[A-Z]/.test(error.message) && !error.message.endsWith("."), error.message);
    return error;
  }
  throw new Error(`No error, where ${code} was expected`);
}
