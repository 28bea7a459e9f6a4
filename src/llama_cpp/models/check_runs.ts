import { BrainjarError } from "../../budget/error.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { isWithoutTokenizer } from "../loading/tokenizer.ts";
import { checkGenerates } from "./check_generates.ts";
import { checkLoads } from "./check_loads.ts";
import { type ReadModel, readModel } from "./families.ts";

/**
 * Throws where llama.cpp doesn't make text with a model, or wouldn't load it: a model that passes
 * can be run as far as its header tells.
 *
 * @returns what was read of it
 * @throws {BrainjarError} `unsupported-architecture`, `model-unloadable`, or what
 * `readHyperparameters` throws
 */
export async function checkRuns(header: GgufHeader): Promise<ReadModel> {
  await checkGenerates(header);
  const model = await readModel(header);
  checkLoads(model);
  return model;
}

/**
 * Throws where no text can be made with a model that loads, since it has no tokenizer.
 *
 * @param name the model's, for people
 * @throws {BrainjarError} `model-without-tokenizer`
 */
export function checkSpeaks(name: string, header: GgufHeader): void {
  if (!isWithoutTokenizer(header)) return;
  throw new BrainjarError("model-without-tokenizer", `Model has no tokenizer: ${name}`, {
    hint: "llama.cpp loads it, and no text can be made with it: use a file with its tokenizer",
  });
}
