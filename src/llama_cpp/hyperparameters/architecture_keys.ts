import { BrainjarError } from "../../budget/error.ts";
import type { MetadataArray, MetadataScalar, MetadataValue } from "../../gguf/header.ts";

/** llama.cpp keeps hyperparameters in 32 unsigned bits. */
const LARGEST = 2 ** 32 - 1;

/** What to do about a header that no llama.cpp would have written. */
const HEADER_HINT =
  "llama.cpp can't load this model either: convert it again, or use another file of it";

/** What a person is shown of a value that is no good. */
function shown(value: MetadataValue): string {
  if (typeof value === "object") return `an array of ${value.length} × ${value.elementType}`;
  const text = typeof value === "string" ? `"${value}"` : String(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

/**
 * Builds the error for a header whose hyperparameters can't be: code `gguf-hyperparameter`, the
 * key and its value quoted.
 */
export function hyperparameterError(key: string, value: MetadataValue, wanted: string) {
  return new BrainjarError(
    "gguf-hyperparameter",
    `Metadata key "${key}" is ${shown(value)} where ${wanted} belongs`,
    { hint: HEADER_HINT },
  );
}

/**
 * One architecture's keys in a header's metadata: missing ones are undefined.
 *
 * A value that can't be what was asked for counts as missing too: an architecture may have in its
 * header what it never reads, and what it does read is held to llama.cpp's own types when it is
 * checked for loading (loading/header_keys.ts). Where `strict`, it is an error of code
 * `gguf-hyperparameter`: nobody checks an architecture that isn't known.
 */
export class ArchitectureKeys {
  constructor(
    private readonly metadata: ReadonlyMap<string, MetadataValue>,
    readonly architecture: string,
    private readonly strict = false,
  ) {}

  /** `name` with the architecture before it. */
  key(name: string): string {
    return `${this.architecture}.${name}`;
  }

  /** Nothing, or the error for a value that isn't as wanted. */
  private unlike(key: string, value: MetadataValue, wanted: string): undefined {
    if (this.strict) throw hyperparameterError(key, value, wanted);
    return undefined;
  }

  private whole(key: string, value: MetadataScalar): number | undefined {
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > LARGEST) {
      return this.unlike(key, value, "a whole number from 0 to 2^32 − 1");
    }
    return value;
  }

  /** A whole number that the header may have. */
  number(name: string): number | undefined {
    const key = this.key(name);
    const value = this.metadata.get(key);
    if (value === undefined) return undefined;
    if (typeof value === "object") return this.unlike(key, value, "one whole number");
    return this.whole(key, value);
  }

  /** A whole number that the header must have. */
  required(name: string): number {
    const value = this.number(name);
    if (value === undefined) throw this.missing(name);
    return value;
  }

  /** The error for a key that must be there, with a value that can be what was asked for. */
  missing(name: string): BrainjarError {
    const value = this.metadata.get(this.key(name));
    if (value !== undefined) {
      return hyperparameterError(this.key(name), value, "another type or length");
    }
    return new BrainjarError(
      "gguf-hyperparameter",
      `Metadata key "${this.key(name)}" is missing`,
      { hint: HEADER_HINT },
    );
  }

  /** A number with a fraction, or the fallback where it is missing. */
  real(name: string, fallback = 0): number {
    const key = this.key(name);
    const value = this.metadata.get(key);
    if (value === undefined) return fallback;
    if (typeof value !== "number" || !Number.isFinite(value)) {
      return this.unlike(key, value, "a number") ?? fallback;
    }
    return value;
  }

  /** The same where it may differ by layer; flags count as 1 and 0. */
  realAt(name: string, layer: number, fallback = 0): number {
    const value = this.metadata.get(this.key(name));
    if (typeof value !== "object") return this.real(name, fallback);
    const one = value.values?.[layer];
    if (typeof one === "boolean") return Number(one);
    return typeof one === "number" ? one : fallback;
  }

  /** True or false, where the header says. */
  flag(name: string): boolean | undefined {
    const key = this.key(name);
    const value = this.metadata.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== "boolean") return this.unlike(key, value, "true or false");
    return value;
  }

  /** Whether the header has an array here. */
  isArray(name: string): boolean {
    return typeof this.metadata.get(this.key(name)) === "object";
  }

  private values(key: string, value: MetadataArray): readonly MetadataScalar[] | undefined {
    const scalars = value.values?.filter((one): one is MetadataScalar => typeof one !== "object");
    if (scalars === undefined || scalars.length !== value.length) {
      return this.unlike(key, value, "an array of numbers, one for each layer,");
    }
    return scalars;
  }

  /** An array of whole numbers or flags (1 and 0), of any length. */
  array(name: string): readonly number[] | undefined {
    const key = this.key(name);
    const value = this.metadata.get(key);
    if (typeof value !== "object") return undefined;
    return this.values(key, value)?.map((one) =>
      typeof one === "boolean" ? Number(one) : this.whole(key, one) ?? 0
    );
  }

  /** An array of whole numbers that may be negative. */
  signedArray(name: string): readonly number[] | undefined {
    const key = this.key(name);
    const value = this.metadata.get(key);
    if (typeof value !== "object") return undefined;
    return this.values(key, value)?.map((one) => {
      if (typeof one === "number" && Number.isInteger(one)) return one;
      return this.unlike(key, value, "an array of whole numbers") ?? 0;
    });
  }

  /**
   * One number for each of `count` layers, from one number or an array of just that length, and 0
   * up to `length`.
   */
  perLayer(name: string, count: number, length = count): readonly number[] | undefined {
    const array = this.array(name);
    const single = array === undefined ? this.number(name) : undefined;
    if (array === undefined && single === undefined) return undefined;
    if (array !== undefined && array.length !== count) {
      return this.unlike(this.key(name), array.length, `one number for each of ${count} layers`);
    }
    return Array.from({ length }, (_, layer) => layer < count ? array?.[layer] ?? single ?? 0 : 0);
  }
}
