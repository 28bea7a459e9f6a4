import { BrainjarError } from "../../budget/error.ts";
import { loadGeneralKeys } from "../loading/general_keys.ts";
import { unloadable } from "../loading/header_keys.ts";
import { Loader } from "../loading/loader.ts";
import { checkTensorTypes } from "../loading/tensor_types.ts";
import { loadTokenizer } from "../loading/tokenizer.ts";
import type { ReadModel } from "./families.ts";

/** Weights must lie so in the mapping (ggml-backend.cpp): measured, 4 bytes do and 2 don't. */
const LEAST_ALIGNMENT = 4;

/**
 * Throws where llama.cpp would refuse to load a model, or end the process: a key or a tensor is
 * missing, of another type or shape, or left over; the tokenizer isn't one that it has. What it
 * loads and can't compute with counts too.
 *
 * @throws {BrainjarError} `model-unloadable`
 */
export function checkLoads({ header, shape, architecture }: ReadModel): void {
  if (header.byteOrder === "big") {
    throw unloadable(
      "its numbers are big-endian, and this machine's are little-endian",
      "Use the little-endian file of the model, or convert it again on such a machine",
    );
  }
  const nested = [...header.metadata].find(([, value]) =>
    typeof value === "object" && value.elementType === "array"
  );
  if (nested !== undefined) {
    throw unloadable(
      `metadata key ${JSON.stringify(nested[0])} is an array of arrays`,
      "Write the model again without it",
    );
  }
  if (header.alignment < LEAST_ALIGNMENT) {
    throw unloadable(
      `its tensors are aligned to ${header.alignment} bytes, and it ends on what isn't aligned to ${LEAST_ALIGNMENT}`,
      "Write the model again with the usual alignment of 32 bytes",
    );
  }
  const loader = new Loader(header, shape);
  loader.typed("general.file_type", "uint32");
  loader.typed("split.count", "uint16");
  if (header.parts.length > 1) {
    loader.typed("split.no", "uint16");
    loader.typed("split.tensors.count", "int32");
  }
  loadGeneralKeys(loader);
  if (architecture?.loads === undefined) {
    loadTokenizer(loader);
    return;
  }
  architecture.loads(loader);
  loadTokenizer(loader);
  loader.finish();
  checkTensorTypes(header.tensors);
  // A cache of windows must have a layer that slides (`create_memory`).
  loader.demand(
    architecture.memory !== "attention" || shape.slidingWindowKind === "none" ||
      shape.slidingWindowLayers.includes(true),
    "it has a sliding window, and none of its layers slides",
  );
}

/** Why llama.cpp would refuse to load a model of an architecture that it has, or nothing. */
export function loadRefusal(model: ReadModel): string | undefined {
  if (model.architecture === undefined) return undefined;
  try {
    checkLoads(model);
    return undefined;
  } catch (error) {
    if (error instanceof BrainjarError) return error.message;
    throw error;
  }
}
