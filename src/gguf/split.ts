import { BrainjarError } from "../budget/error.ts";
import { sum } from "../budget/sum.ts";
import type { PartHeader } from "./decode.ts";
import { fault } from "./fault.ts";
import { type GgufHeader, type GgufPart, numberOf, type TensorInfo, textOf } from "./header.ts";
import { MAX_LINKS, MAX_PARTS } from "./limits.ts";
import { isUrl, pathOf, withPath } from "./sources/url.ts";
import { parseSplitName, type SplitName, splitName } from "./split_name.ts";

const SAME_DOWNLOAD_HINT = "Download all parts of the model anew, from one place";

/** Reads one part; `names` are the tensors of the parts before it. */
type ReadPart = (path: string, part: number, names: Set<string>) => Promise<PartHeader>;

/** How many files a model has by its own metadata, 1 for a whole one. */
export function splitCountOf(header: PartHeader): number {
  return numberOf(header, "split.count") ?? 1;
}

/**
 * Joins a split model whose part at `given` has been read: the first part's metadata, all
 * parts' tensors. As in llama.cpp, a part's name and its `split.no` must agree, and together the
 * parts must have `split.tensors.count` tensors.
 */
export async function readSplit(
  given: string,
  known: PartHeader,
  read: ReadPart,
): Promise<GgufHeader> {
  const count = splitCountOf(known);
  const { location, name } = findName(given, known, count);
  const names = new Set<string>();
  const tensors: TensorInfo[] = [];
  const files: GgufPart[] = [];
  let first: PartHeader | undefined;
  for (let index = 0; index < count; index++) {
    const path = withPath(location, splitName(name, index + 1));
    const part = index === 0 && name.number === 1
      ? known
      : await read(path, index, names).catch((error) => {
        if (!(error instanceof BrainjarError && error.code === "model-not-found")) throw error;
        throw fault(
          "gguf-split-missing",
          `Part ${index + 1} of ${count} of the model is missing: ${path}`,
          "Put all parts of the model in one folder",
          error,
        );
      });
    first ??= part;
    checkPart(part, first, index, count);
    for (const tensor of part.tensors) {
      names.add(tensor.name);
      tensors.push(tensor);
    }
    // Not its metadata: there may be thousands of parts.
    files.push(part.part);
  }
  return join(first ?? known, tensors, files);
}

/**
 * The part's name that the others follow from, and where it is. As in llama.cpp it is the name that
 * was given, whatever it links to: a cache's links have the published names, and their targets none.
 * Only a link whose own name says nothing is followed, step by step.
 */
function findName(
  location: string,
  known: PartHeader,
  count: number,
): { readonly location: string; readonly name: SplitName } {
  const number = numberOf(known, "split.no");
  for (const path of withLinks(location)) {
    const name = parseSplitName(pathOf(path));
    if (
      name !== undefined && name.count === count && count <= MAX_PARTS &&
      number === name.number - 1
    ) return { location: path, name };
  }
  throw fault(
    "gguf-split-name",
    `Model file ${location} is part ${
      number === undefined ? "?" : number + 1
    } of ${count} by its metadata, ` +
      "and its name doesn't say so",
    /[/\\]blobs[/\\][^/\\]+$/.test(location)
      ? "It lies in a cache by its checksum: give its name in the cache's folder snapshots"
      : "Give the parts back the names they were published under, such as " +
        "model-00001-of-00003.gguf",
  );
}

/** A location, and where it leads by links, a step each. */
function* withLinks(location: string): Iterable<string> {
  yield location;
  if (isUrl(location)) return;
  let path = location;
  for (let step = 0; step < MAX_LINKS; step++) {
    try {
      const target = Deno.readLinkSync(path);
      path = /^([a-z]:)?[/\\]/i.test(target) ? target : path.replace(/[^/\\]*$/, "") + target;
    } catch {
      // Not a link.
      return;
    }
    yield path;
  }
}

function checkPart(part: PartHeader, first: PartHeader, index: number, count: number): void {
  const number = numberOf(part, "split.no");
  const itsCount = numberOf(part, "split.count") ?? count;
  const architecture = textOf(part, "general.architecture");
  const differs = number !== index
    ? `its split.no is ${number ?? "missing"}, not ${index}`
    : itsCount !== count
    ? `its split.count is ${itsCount}, not ${count}`
    : architecture !== undefined && architecture !== textOf(first, "general.architecture")
    ? "its general.architecture is another"
    : part.byteOrder !== first.byteOrder
    ? "its byte order is another"
    : undefined;
  if (differs === undefined) return;
  throw fault(
    "gguf-split-mismatch",
    `Model file ${part.part.path} is not part ${index + 1} of this model: ${differs}`,
    SAME_DOWNLOAD_HINT,
  );
}

function join(
  first: PartHeader,
  tensors: readonly TensorInfo[],
  parts: readonly GgufPart[],
): GgufHeader {
  const expected = numberOf(first, "split.tensors.count");
  if (expected !== tensors.length) {
    throw fault(
      "gguf-split-mismatch",
      `Model file ${first.part.path} and its other parts have ${tensors.length} tensors, and ` +
        `split.tensors.count is ${expected ?? "missing"}`,
      SAME_DOWNLOAD_HINT,
    );
  }
  return {
    version: first.version,
    byteOrder: first.byteOrder,
    alignment: first.alignment,
    metadata: first.metadata,
    metadataTypes: first.metadataTypes,
    tensors,
    parts,
    fileBytes: sum(parts.map((part) => part.fileBytes)),
  };
}
