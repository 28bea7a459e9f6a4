/**
 * Holds a shared lock on the tree that this process runs from until it ends, so that the first start
 * of another version doesn't clean it up meanwhile (see clean_up.ts).
 */
try {
  Deno.openSync(Deno.execPath().replace(/\/program\/[^/]*$/, "/in-use")).lockSync(false);
} catch {
  // A file system without locks: there the time of the last start alone guards it.
}
