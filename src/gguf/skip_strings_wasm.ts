/**
 * `SkipStrings` for little-endian files as a WebAssembly module, byte by byte.
 *
 * Why: it takes a million steps for a large vocabulary, and most readings are the first in
 * their process, where JavaScript is still interpreted and its compiler competes for the CPU. This
 * runs at full speed from the first step: 3 ms instead of 10 to 60 for 262,000 tokens.
 *
 * In the text format:
 * ```wat
 * (module
 *   (import "window" "memory" (memory 2))
 *   (func (export "skip") (param $position i32) (param $last i32) (param $left i32)
 *     (result i32 i32) (local $length i64)
 *     (block $end
 *       (loop $next
 *         (br_if $end (i32.eqz (local.get $left)))
 *         (br_if $end (i32.gt_s (local.get $position) (local.get $last)))
 *         (br_if $end (i64.gt_u
 *           (local.tee $length (i64.load align=1 (local.get $position)))
 *           (i64.const 1073741824)))
 *         (local.set $position (i32.add
 *           (i32.add (local.get $position) (i32.const 8))
 *           (i32.wrap_i64 (local.get $length))))
 *         (local.set $left (i32.sub (local.get $left) (i32.const 1)))
 *         (br $next)))
 *     (local.get $position)
 *     (local.get $left)))
 * ```
 */
// deno-fmt-ignore
export const SKIP_STRINGS_WASM = new Uint8Array([
  // "\0asm", version 1
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  // type 0: (i32, i32, i32) → (i32, i32)
  0x01, 0x09, 0x01, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x02, 0x7f, 0x7f,
  // import "window" "memory": a memory of at least 2 pages
  0x02, 0x12, 0x01,
  0x06, 0x77, 0x69, 0x6e, 0x64, 0x6f, 0x77,
  0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79,
  0x02, 0x00, 0x02,
  // function 0 is of type 0
  0x03, 0x02, 0x01, 0x00,
  // export "skip": function 0
  0x07, 0x08, 0x01, 0x04, 0x73, 0x6b, 0x69, 0x70, 0x00, 0x00,
  // one body of 62 bytes, with one local group: one i64 (local 3)
  0x0a, 0x40, 0x01, 0x3e, 0x01, 0x01, 0x7e,
  0x02, 0x40, // block
  0x03, 0x40, // loop
  0x20, 0x02, 0x45, 0x0d, 0x01, // left = 0: out of the block
  0x20, 0x00, 0x20, 0x01, 0x4a, 0x0d, 0x01, // position > last: out
  0x20, 0x00, 0x29, 0x00, 0x00, 0x22, 0x03, // length, at position
  0x42, 0x80, 0x80, 0x80, 0x80, 0x04, 0x56, 0x0d, 0x01, // length > 2^30: out
  0x20, 0x00, 0x41, 0x08, 0x6a, 0x20, 0x03, 0xa7, 0x6a, 0x21, 0x00, // position += 8 + length
  0x20, 0x02, 0x41, 0x01, 0x6b, 0x21, 0x02, // left -= 1
  0x0c, 0x00, // again
  0x0b, 0x0b, // end of loop and block
  0x20, 0x00, 0x20, 0x02, 0x0b, // position, left
]);
