import { BrainjarError } from "../../budget/error.ts";
import type { GgufHeader, MetadataType, MetadataValue } from "../../gguf/header.ts";
import { LLAMA_CPP_VERSION } from "../version.ts";
import { keyType } from "./key_types.ts";

/** The error for a header that llama.cpp refuses: code `model-unloadable`. */
export function unloadable(what: string, hint: string): BrainjarError {
  return new BrainjarError(
    "model-unloadable",
    `llama.cpp ${LLAMA_CPP_VERSION} can't load this model: ${what}`,
    { hint },
  );
}

const KEY_HINT =
  "Its header is one of another llama.cpp or another converter: convert the model again, or use another file of it";

/**
 * Asks a header for the keys that llama.cpp would ask it for, each with its type
 * (llama-model-loader.cpp, `get_key`, `get_arr` and `get_key_or_arr`). What isn't as asked for is
 * an error of code `model-unloadable`. Keys are named without the architecture before them.
 */
export class HeaderKeys {
  constructor(readonly header: GgufHeader, readonly architecture: string) {}

  /** Refuses the header for a reason of its own, where `condition` doesn't hold. */
  demand(condition: boolean, what: string): void {
    if (!condition) throw unloadable(what, KEY_HINT);
  }

  /** The key must be there, with the type that llama.cpp reads it in. */
  key(name: string): void {
    if (!this.mayKey(name)) throw this.#missingKey(this.#key(name));
  }

  /** The key may be there; where it is, with the type that llama.cpp reads it in. */
  mayKey(name: string): boolean {
    const key = this.#key(name);
    return this.typed(key, keyType(name));
  }

  /** One value for all layers or an array with one for each of `count` (`get_key_or_arr`). */
  layerKey(name: string, count: number = this.#fileLayers()): void {
    if (!this.mayLayerKey(name, count)) throw this.#missingKey(this.#key(name));
  }

  /** The same where it may be missing. */
  mayLayerKey(name: string, count: number = this.#fileLayers()): boolean {
    const key = this.#key(name);
    const value = this.header.metadata.get(key);
    if (typeof value !== "object") return this.typed(key, keyType(name));
    if (value.length !== count) {
      throw unloadable(
        `metadata key ${JSON.stringify(key)} has ${value.length} entries where ${count} belong`,
        KEY_HINT,
      );
    }
    return this.mayArray(name);
  }

  /** One value; an array is passed over (`get_key_or_arr` of a single value that may be missing). */
  maySingleKey(name: string): void {
    if (typeof this.header.metadata.get(this.#key(name)) !== "object") this.mayKey(name);
  }

  /** An array with elements of the type that the key's single value would have (`get_arr`). */
  array(name: string, type: MetadataType = keyType(name)): void {
    if (!this.mayArray(name, type)) throw this.#missingKey(this.#key(name));
  }

  /** The same where it may be missing; anything but an array counts as missing. */
  mayArray(name: string, type: MetadataType = keyType(name)): boolean {
    const key = this.#key(name);
    const value = this.header.metadata.get(key);
    if (typeof value !== "object") return false;
    const is = value.elementType;
    const taken = type === "uint32" || type === "int32" ? ["uint32", "int32", "bool"] : [type];
    if (!taken.includes(is)) throw this.#mistyped(key, `array of ${is}`, `array of ${type}`);
    return true;
  }

  /**
   * The same where it must be there and flags aren't numbers (`get_arr` into a vector): its
   * elements.
   */
  vector(name: string, type: MetadataType = keyType(name)): readonly MetadataValue[] {
    this.array(name, type);
    const value = this.value(name);
    if (typeof value !== "object") return [];
    if (value.elementType === "bool") {
      throw this.#mistyped(this.#key(name), "array of bool", `array of ${type}`);
    }
    return value.values ?? [];
  }

  /** A key by its whole name: whether it is there, with `type` or not at all. */
  typed(key: string, type: MetadataType): boolean {
    const is = this.header.metadataTypes.get(key);
    if (is === undefined) return false;
    if (is !== type) throw this.#mistyped(key, is, type);
    return true;
  }

  /** What the header has under a key, without its architecture. */
  value(name: string): MetadataValue | undefined {
    return this.header.metadata.get(this.#key(name));
  }

  /** A number under a key, without its architecture; 0 where the header has none. */
  number(name: string): number {
    const value = this.value(name);
    return typeof value === "number" ? value : 0;
  }

  #key(name: string): string {
    // llama.cpp has these few without an architecture.
    return name.startsWith("xielu.") ? name : `${this.architecture}.${name}`;
  }

  #fileLayers(): number {
    const count = this.value("block_count");
    return typeof count === "number" ? count : 0;
  }

  #missingKey(key: string): BrainjarError {
    return unloadable(`metadata key ${JSON.stringify(key)} is missing`, KEY_HINT);
  }

  #mistyped(key: string, is: string, type: string): BrainjarError {
    const wanted = `where ${type} belongs`;
    return unloadable(`metadata key ${JSON.stringify(key)} is of type ${is} ${wanted}`, KEY_HINT);
  }
}
