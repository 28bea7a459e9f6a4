/**
 * A state after a patch (src/page/patch.ts says which there are). Nothing of the old state changes,
 * and what the patch doesn't name is the same object in the new one.
 *
 * @param {unknown} before
 * @param {any} patch
 * @returns {any}
 */
export function applyPatch(before, patch) {
  switch (patch[0]) {
    case "set":
      return patch[1];
    case "append":
      return before + patch[1];
    case "object":
      return objectAfter(/** @type {object} */ (before), patch[1], patch[2]);
    case "list":
      return listAfter(/** @type {unknown[]} */ (before), patch);
    default:
      throw new Error(`Unknown patch: ${patch[0]}`);
  }
}

/**
 * @param {any} before
 * @param {Record<string, unknown>} changes
 * @param {readonly string[]} gone
 */
function objectAfter(before, changes, gone) {
  const after = new Map(Object.entries(before));
  for (const [key, patch] of Object.entries(changes)) {
    after.set(key, applyPatch(after.get(key), patch));
  }
  for (const key of gone) after.delete(key);
  return Object.fromEntries(after);
}

/**
 * @param {readonly unknown[]} before
 * @param {any} patch
 */
function listAfter(before, [, dropped, kept, changes, added]) {
  const after = before.slice(dropped, dropped + kept);
  for (const [index, patch] of Object.entries(changes)) {
    after[Number(index)] = applyPatch(after[Number(index)], patch);
  }
  return [...after, ...added];
}
