/**
 * How one state becomes the next, as JSON carries it. `assets/patch.js` applies it.
 *
 * - `["set", value]`: another value
 * - `["append", text]`: a longer text
 * - `["object", changes, gone]`: an object, some of whose keys changed, and some are gone
 * - `["list", dropped, kept, changes, added]`: of a list the first are dropped, so many after them
 *   are kept, some of those changed, by their place among the kept ones, and others follow
 */
export type Patch =
  | readonly ["set", unknown]
  | readonly ["append", string]
  | readonly ["object", Readonly<Record<string, Patch>>, readonly string[]]
  | readonly [
    "list",
    dropped: number,
    kept: number,
    changes: Readonly<Record<string, Patch>>,
    added: readonly unknown[],
  ];

/**
 * What changed from one value of JSON to the next; `undefined` where nothing did. What is the same
 * object wasn't changed and isn't looked into.
 *
 * @example
 * ```ts
 * import { patchOf } from "./patch.ts";
 * const patch = patchOf({ turn: 1, text: "I" }, { turn: 1, text: "I am" });
 * if (JSON.stringify(patch) !== '["object",{"text":["append"," am"]},[]]') throw new Error();
 * ```
 */
export function patchOf(before: unknown, after: unknown): Patch | undefined {
  if (Object.is(before, after)) return undefined;
  if (typeof before === "string" && typeof after === "string") {
    return before !== "" && after.startsWith(before)
      ? ["append", after.slice(before.length)]
      : ["set", after];
  }
  if (Array.isArray(before) && Array.isArray(after)) return listPatch(before, after);
  if (isObject(before) && isObject(after)) return objectPatch(before, after);
  return ["set", after];
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectPatch(before: JsonObject, after: JsonObject): Patch | undefined {
  const changes: Record<string, Patch> = {};
  for (const key of Object.keys(after)) {
    // What is undefined isn't in JSON.
    const [was, is] = [valueOf(before, key), valueOf(after, key)];
    if (is === undefined) continue;
    const patch = was === undefined ? ["set", is] as const : patchOf(was, is);
    // A key may have any name, `__proto__` too.
    if (patch !== undefined) {
      Object.defineProperty(changes, key, { value: patch, enumerable: true });
    }
  }
  const gone = Object.keys(before).filter((key) =>
    valueOf(before, key) !== undefined && valueOf(after, key) === undefined
  );
  return Object.keys(changes).length + gone.length === 0 ? undefined : ["object", changes, gone];
}

/** What an object has of its own: every object has a `toString`. */
function valueOf(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function listPatch(before: readonly unknown[], after: readonly unknown[]): Patch | undefined {
  // What is dropped from the beginning is what comes before the first that is still there.
  const start = after.length === 0 ? -1 : before.indexOf(after[0]);
  const dropped = Math.max(0, start);
  const kept = Math.min(before.length - dropped, after.length);
  const changes: Record<string, Patch> = {};
  let changed = 0;
  for (let index = 0; index < kept; index++) {
    const patch = patchOf(before[dropped + index], after[index]);
    if (patch === undefined) continue;
    changes[index] = patch;
    changed += 1;
  }
  const added = after.slice(kept);
  if (changed > 8 && changed > kept / 2) return ["set", after];
  if (changed === 0 && added.length === 0 && dropped === 0 && kept === before.length) {
    return undefined;
  }
  return ["list", dropped, kept, changes, added];
}
