import type { ByteSource } from "../../src/gguf/sources/source.ts";

/**
 * A source of bytes that are in memory already.
 *
 * @example
 * ```ts
 * import { memorySource } from "./memory_source.ts";
 * const source = memorySource(new Uint8Array([1, 2, 3]));
 * const into = new Uint8Array(2);
 * if (source.read(2, into) !== 1 || into[0] !== 3) throw new Error("read");
 * ```
 *
 * @param bytes the whole file, or its beginning
 * @param path what errors call it
 * @param size bytes of the whole file where `bytes` is only its beginning
 */
export function memorySource(
  bytes: Uint8Array,
  path = "memory.gguf",
  size = bytes.length,
): ByteSource {
  return {
    path,
    size,
    read(offset, into) {
      const end = Math.min(bytes.length, offset + into.length);
      if (offset >= end) return 0;
      into.set(bytes.subarray(offset, end));
      return end - offset;
    },
    close() {},
  };
}
