/**
 * Names as a hint lists them: the first `most`, and how many more there are.
 *
 * @example
 * ```ts
 * import { listNames } from "./list_names.ts";
 * if (listNames(["a", "b"], 2) !== "a, b") throw new Error("All of them");
 * if (listNames(["a", "b", "c", "d"], 2) !== "a, b and 2 more") throw new Error("The first two");
 * ```
 */
export function listNames(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
