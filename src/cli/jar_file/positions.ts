import { defined } from "../../budget/defined.ts";

/** Where a value stands in a text, and the key before it; offsets in UTF-16 units. */
interface Position {
  readonly value: number;
  /** Absent for elements of arrays and the outermost value. */
  readonly key?: number;
}

/** A key that an object has twice. */
interface DuplicateKey {
  readonly key: string;
  readonly offset: number;
}

/** Where each value of a JSONC text stands. */
export interface Positions {
  /** By the path of keys and indices; `undefined` where there is no such value. */
  at(path: readonly PropertyKey[]): Position | undefined;
  readonly duplicateKeys: readonly DuplicateKey[];
}

/**
 * Finds the place of every value in a text that is known to be JSON with comments and trailing
 * commas: the parser keeps no places, and people need them.
 *
 * @example
 * ```ts
 * import { findPositions } from "./positions.ts";
 * const text = '{ // jars\n "a": [1, 22,] }';
 * if (findPositions(text).at(["a", 1])?.value !== text.indexOf("22")) throw new Error("22");
 * ```
 */
export function findPositions(text: string): Positions {
  const found = new Map<string, Position>();
  const duplicateKeys: DuplicateKey[] = [];
  const tokens = [...text.matchAll(TOKEN)].filter(([token]) => !/^[\s/]/.test(token));
  let next = 0;
  const peek = () => tokens[next]?.[0] ?? "";
  const offset = () => tokens[next]?.index ?? text.length;
  const skip = (token: string) => {
    if (peek() === token) next++;
  };

  const walk = (path: readonly PropertyKey[], key?: number): void => {
    found.set(nameOf(path), { value: offset(), ...defined({ key }) });
    const token = peek();
    next++;
    if (token === "{") {
      const keys = new Set<string>();
      while (peek() !== "}" && peek() !== "") {
        const name = String(JSON.parse(peek()));
        const key = offset();
        if (keys.has(name)) duplicateKeys.push({ key: name, offset: key });
        keys.add(name);
        next++;
        skip(":");
        walk([...path, name], key);
        skip(",");
      }
      skip("}");
    } else if (token === "[") {
      for (let index = 0; peek() !== "]" && peek() !== ""; index++) {
        walk([...path, index]);
        skip(",");
      }
      skip("]");
    }
  };
  walk([]);
  return { at: (path) => found.get(nameOf(path)), duplicateKeys };
}

/** A token, or a comment or white space between two. */
const TOKEN = /\s+|\/\/[^\n\r]*|\/\*[\s\S]*?\*\/|[{}[\]:,]|"(?:[^"\\]|\\[\s\S])*"|[^\s{}[\]:,"/]+/g;

/**
 * The line and column of an offset, both counted from 1, columns in characters.
 *
 * @example
 * ```ts
 * import { lineAndColumn } from "./positions.ts";
 * if (lineAndColumn("a\r\nbc", 4) !== "2:2") throw new Error("c");
 * ```
 */
export function lineAndColumn(text: string, offset: number): string {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  return `${lines.length}:${[...(lines.at(-1) ?? "")].length + 1}`;
}

function nameOf(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}
