/** An object without its undefined entries: an optional key is absent, or it has a value. */
export type Defined<Entries> = { [Key in keyof Entries]?: Exclude<Entries[Key], undefined> };

/**
 * The entries that have a value.
 *
 * @example
 * ```ts
 * import { defined } from "./defined.ts";
 * const options = defined({ contextSize: 4096, batchSize: undefined });
 * if ("batchSize" in options || options.contextSize !== 4096) throw new Error("One entry");
 * ```
 */
export function defined<Entries extends object>(entries: Entries): Defined<Entries> {
  const kept = Object.entries(entries).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as Defined<Entries>;
}
