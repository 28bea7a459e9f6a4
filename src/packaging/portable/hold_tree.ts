/**
 * Holds a shared lock on the tree that this process runs from until it ends, so that the first start
 * of another version doesn't clean it up meanwhile (see clean_up.ts).
 *
 * It waits for the file, which a check needs not: Deno keeps the compiled code of the modules that
 * it loaded once its event loop turns, and nothing else in a check makes it turn.
 */
try {
  const file = await Deno.open(Deno.execPath().replace(/\/program\/[^/]*$/, "/in-use"));
  file.lockSync(false);
} catch {
  // A file system without locks: there the time of the last start alone guards it.
}
