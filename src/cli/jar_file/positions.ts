import { MAX_LEVELS } from "./limits.ts";

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
  /** The first of them. */
  readonly duplicateKey: DuplicateKey | undefined;
}

/** A value's position with those of the values in it. */
interface Value extends Position {
  readonly members?: ReadonlyMap<string, Value>;
  readonly items?: readonly Value[];
}

/**
 * Finds the place of every value in a text that is known to be JSON with comments and trailing
 * commas, of few levels: the parser keeps no places, and people need them.
 *
 * @example
 * ```ts
 * import { findPositions } from "./positions.ts";
 * const text = '{ // jars\n "a": [1, 22,] }';
 * if (findPositions(text).at(["a", 1])?.value !== text.indexOf("22")) throw new Error("22");
 * ```
 */
export function findPositions(text: string): Positions {
  const tokens = tokensOf(text);
  let duplicateKey: DuplicateKey | undefined;
  let next = tokens.next();
  const take = (): Token => {
    const { token, offset } = next.done ? END : next.value;
    next = tokens.next();
    return { token, offset };
  };
  const isNext = (token: string) => !next.done && next.value.token === token;
  const skip = (token: string) => {
    if (isNext(token)) take();
  };

  const valueWith = (key?: { readonly key: number }): Value => {
    const { token, offset: value } = take();
    if (token === "{") return { value, ...key, members: members() };
    if (token === "[") return { value, ...key, items: items() };
    return { value, ...key };
  };
  const members = (): ReadonlyMap<string, Value> => {
    const found = new Map<string, Value>();
    while (!next.done && !isNext("}")) {
      const { token, offset } = take();
      const key = String(JSON.parse(token));
      if (found.has(key)) duplicateKey ??= { key, offset };
      skip(":");
      found.set(key, valueWith({ key: offset }));
      skip(",");
    }
    skip("}");
    return found;
  };
  const items = (): readonly Value[] => {
    const found: Value[] = [];
    while (!next.done && !isNext("]")) {
      found.push(valueWith());
      skip(",");
    }
    skip("]");
    return found;
  };

  const top = valueWith();
  return {
    at: (path) =>
      path.reduce<Value | undefined>(
        (value, key) => value?.members?.get(String(key)) ?? value?.items?.[Number(key)],
        top,
      ),
    duplicateKey,
  };
}

/**
 * Where a text first has more lists and objects in each other than `MAX_LEVELS`. It needn't be JSON:
 * this is looked for before a parser that recurses sees it.
 *
 * @example
 * ```ts
 * import { findTooDeep } from "./positions.ts";
 * if (findTooDeep('{ "[[": [] }') !== undefined) throw new Error("Two levels");
 * if (findTooDeep("[".repeat(100)) !== 32) throw new Error("The 33rd");
 * ```
 */
export function findTooDeep(text: string): number | undefined {
  let levels = 0;
  for (const { token, offset } of tokensOf(text)) {
    if (token === "{" || token === "[") levels++;
    else if (token === "}" || token === "]") levels--;
    if (levels > MAX_LEVELS) return offset;
  }
  return undefined;
}

interface Token {
  readonly token: string;
  readonly offset: number;
}

/** What stands after the last token. */
const END: Token = { token: "", offset: 0 };

/** A token, or a comment or white space between two; each at one place, so that no text takes long. */
const TOKEN =
  /\s+|\/\/[^\n\r]*|\/\*[\s\S]*?\*\/|[{}[\]:,]|"[^"\\]*(?:\\[\s\S][^"\\]*)*"|[^\s{}[\]:,"/]+/y;

/** The tokens of a text, up to where it has none. */
function* tokensOf(text: string): Generator<Token, void> {
  const pattern = new RegExp(TOKEN);
  let offset = 0;
  for (;;) {
    const [token] = pattern.exec(text) ?? [];
    if (token === undefined) return;
    if (!/^[\s/]/.test(token)) yield { token, offset };
    offset = pattern.lastIndex;
  }
}

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
  let line = 1;
  let start = 0;
  for (const { 0: end, index } of text.slice(0, offset).matchAll(/\r\n|\n|\r/g)) {
    line++;
    start = index + end.length;
  }
  let column = 1;
  for (const _character of text.slice(start, offset)) column++;
  return `${line}:${column}`;
}
