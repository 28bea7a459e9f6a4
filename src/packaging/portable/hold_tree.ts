/**
 * Holds a shared lock on the tree that this process runs from until it ends, so that the first start
 * of another version doesn't clean it up meanwhile (see clean_up.ts).
 *
 * It waits for the file and for the lock, where a check needs neither: Deno keeps the compiled code
 * of what it loaded once its event loop has turned, and nothing else in a check makes it turn. What
 * is waited for first may be there before the turn.
 */
try {
  const file = await Deno.open(Deno.execPath().replace(/\/program\/[^/]*$/, "/in-use"));
  await file.lock(false);
} catch {
  // A file system without locks: there the time of the last start alone guards it.
}
