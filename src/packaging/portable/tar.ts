/** One entry of an archive. Files are named by where they are read from. */
export type TarEntry =
  | { readonly kind: "folder"; readonly name: string }
  | { readonly kind: "link"; readonly name: string; readonly target: string }
  | {
    readonly kind: "file";
    readonly name: string;
    readonly source: string;
    readonly size: number;
    readonly executable: boolean;
  };

const BLOCK = 512;
const encoder = new TextEncoder();

/**
 * The bytes of an archive that every tar reads (POSIX ustar), in the order of the entries.
 *
 * Owner 0 and one time for all, so that the same files always make the same archive.
 */
export async function* tar(
  entries: readonly TarEntry[],
  secondsSinceEpoch: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const entry of entries) {
    yield header(entry, secondsSinceEpoch);
    if (entry.kind !== "file") continue;
    using file = await Deno.open(entry.source);
    let written = 0;
    for await (const chunk of file.readable) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== entry.size) throw new Error(`${entry.source} changed while it was packed`);
    yield new Uint8Array((BLOCK - written % BLOCK) % BLOCK);
  }
  yield new Uint8Array(2 * BLOCK);
}

function header(entry: TarEntry, secondsSinceEpoch: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const text = (offset: number, length: number, value: string) => {
    const bytes = encoder.encode(value);
    if (bytes.length > length) throw new Error(`Too long for an archive: ${entry.name}`);
    block.set(bytes, offset);
  };
  const octal = (offset: number, length: number, value: number) =>
    text(offset, length, value.toString(8).padStart(length - 1, "0"));
  const executable = entry.kind === "folder" || (entry.kind === "file" && entry.executable);
  const { prefix, name } = splitName(entry.kind === "folder" ? `${entry.name}/` : entry.name);
  text(0, 100, name);
  octal(100, 8, executable ? 0o755 : 0o644);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, entry.kind === "file" ? entry.size : 0);
  octal(136, 12, secondsSinceEpoch);
  text(148, 8, " ".repeat(8));
  text(156, 1, { file: "0", link: "2", folder: "5" }[entry.kind]);
  text(157, 100, entry.kind === "link" ? entry.target : "");
  text(257, 8, "ustar\u000000");
  text(345, 155, prefix);
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(148, 8, `${sum.toString(8).padStart(6, "0")}\u0000 `);
  return block;
}

/** ustar keeps 100 bytes of a path, and 155 more before one of its slashes. */
function splitName(path: string): { readonly prefix: string; readonly name: string } {
  if (encoder.encode(path).length <= 100) return { prefix: "", name: path };
  const slash = path.indexOf("/", path.length - 101);
  if (slash < 0) throw new Error(`Too long for an archive: ${path}`);
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}
