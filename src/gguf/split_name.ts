/** A split model's part as its name has it: `prefix-00002-of-00003.gguf`. */
export interface SplitName {
  readonly prefix: string;
  /** From 1. */
  readonly number: number;
  readonly count: number;
}

const PATTERN = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s;

/**
 * Takes a part's name apart, as llama.cpp writes it; `undefined` where it isn't one.
 *
 * @example
 * ```ts
 * import { parseSplitName } from "./split_name.ts";
 * const name = parseSplitName("a/b-00002-of-00003.gguf");
 * if (name?.prefix !== "a/b" || name.number !== 2 || name.count !== 3) throw new Error("name");
 * ```
 */
export function parseSplitName(path: string): SplitName | undefined {
  const match = PATTERN.exec(path);
  if (match === null) return undefined;
  return { prefix: match[1] ?? "", number: Number(match[2]), count: Number(match[3]) };
}

/** The paths of all parts by the name of one, or the path itself where it isn't a part's. */
export function partPaths(path: string): string[] {
  const name = parseSplitName(path);
  if (name === undefined) return [path];
  return Array.from({ length: name.count }, (_, index) => splitName(name, index + 1));
}

/** The name of another part of the same model, counted from 1. */
export function splitName(name: Omit<SplitName, "number">, number: number): string {
  const digits = (value: number) => String(value).padStart(5, "0");
  return `${name.prefix}-${digits(number)}-of-${digits(name.count)}.gguf`;
}
