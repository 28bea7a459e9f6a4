import { GGML_TYPES, type GgmlType } from "../llama_cpp/ggml/types.ts";
import type { Cursor } from "./cursor.ts";
import { corrupt, fault, INCOMPLETE_HINT, quote } from "./fault.ts";
import type { TensorInfo } from "./header.ts";
import { MAX_DIMENSIONS, MAX_TENSOR_NAME_BYTES } from "./limits.ts";
import { LLAMA_CPP_VERSION } from "../llama_cpp/version.ts";

/** Name with its length, number of dimensions, dimensions, type, offset. */
const LONGEST_ENTRY_BYTES = 8 + MAX_TENSOR_NAME_BYTES + 4 + 8 * MAX_DIMENSIONS + 4 + 8;

/** An entry without name or dimensions. */
export const SHORTEST_ENTRY_BYTES = 8 + 4 + 4 + 8;

/** What a tensor table is read with. */
interface TensorTableOptions {
  /** Number of the file within a split model. */
  readonly part: number;
  /** Of the tensors' data, in bytes. */
  readonly alignment: number;
  /** Of all tensors so far, of all parts. */
  readonly names: Set<string>;
}

/**
 * Reads the tensor entries of one part and holds them to llama.cpp's rules (gguf.cpp): shapes and
 * sizes that can be represented, rows of whole blocks, data that lies gapless in file order.
 *
 * @returns the tensors, and the end of their data counted from its start, in bytes
 */
export async function readTensors(
  cursor: Cursor,
  count: number,
  { part, alignment, names }: TensorTableOptions,
): Promise<{ tensors: TensorInfo[]; dataBytes: number }> {
  const tensors: TensorInfo[] = [];
  let expected = 0;
  let dataBytes = 0;
  let index = 0;
  let name = "";
  cursor.place = () => `tensor ${index + 1} of ${count}${name === "" ? "" : ` (${quote(name)})`}`;
  for (; index < count; index++) {
    name = "";
    if (cursor.lacks(LONGEST_ENTRY_BYTES)) await cursor.prepare(LONGEST_ENTRY_BYTES);
    name = readName(cursor);
    if (names.has(name)) {
      const again = `a second time, as ${index + 1} of ${count}`;
      throw corrupt(cursor, "gguf-duplicate-tensor", `has the tensor ${quote(name)} ${again}`);
    }
    names.add(name);
    const dimensions = readDimensions(cursor);
    const typeNumber = cursor.uint32();
    const type = GGML_TYPES.get(typeNumber);
    if (type === undefined) {
      throw fault(
        "gguf-tensor-type",
        `Model file ${cursor.source.path} has the unknown tensor type ${typeNumber} in ` +
          cursor.place(),
        `Types that ggml gave up and types newer than llama.cpp ${LLAMA_CPP_VERSION} can't be ` +
          "loaded: quantize the model again",
      );
    }
    const bytes = tensorBytes(cursor, dimensions, type);
    const offset = cursor.uint64();
    if (offset !== expected) {
      const where = `where ${expected} follows from the tensors before it`;
      throw corrupt(
        cursor,
        "gguf-tensor-offset",
        `has data at ${offset} for ${cursor.place()}, ${where}`,
      );
    }
    dataBytes = offset + bytes;
    expected = pad(dataBytes, alignment);
    if (!Number.isSafeInteger(expected)) throw tooLarge(cursor, dimensions);
    tensors.push({ name, dimensions, type: typeNumber, offset, part });
  }
  return { tensors, dataBytes };
}

/** The next multiple of `alignment`, a power of two that may be above 2^31. */
export function pad(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Throws where the file ends before its tensors' data does. */
export function checkData(cursor: Cursor, dataOffset: number, dataBytes: number): void {
  const missing = dataOffset + dataBytes - cursor.source.size;
  if (missing <= 0) return;
  throw fault(
    "gguf-truncated",
    `Model file ${cursor.source.path} is incomplete: ${missing} bytes of tensor data are missing ` +
      `(${cursor.source.size} of ${dataOffset + dataBytes} are there)`,
    INCOMPLETE_HINT,
  );
}

function readName(cursor: Cursor): string {
  const length = cursor.uint64();
  if (length > MAX_TENSOR_NAME_BYTES) {
    const longest = `${MAX_TENSOR_NAME_BYTES} is the longest that llama.cpp takes`;
    throw corrupt(
      cursor,
      "gguf-tensor-name",
      `has a name of ${length} bytes for ${cursor.place()}, but ${longest}`,
    );
  }
  return cursor.text(length);
}

function readDimensions(cursor: Cursor): number[] {
  const count = cursor.uint32();
  if (count > MAX_DIMENSIONS) {
    throw corrupt(
      cursor,
      "gguf-dimensions",
      `has ${count} dimensions for ${cursor.place()}, but ${MAX_DIMENSIONS} is the most that ggml has`,
    );
  }
  // ggml takes a tensor without dimensions as one element.
  if (count === 0) return [1];
  const dimensions: number[] = [];
  for (let i = 0; i < count; i++) dimensions.push(cursor.uint64());
  return dimensions;
}

/** Bytes of a tensor's data, where they can be represented and its rows are whole blocks. */
function tensorBytes(cursor: Cursor, dimensions: readonly number[], type: GgmlType): number {
  let elements = 1;
  for (const dimension of dimensions) {
    elements *= dimension;
    if (!Number.isSafeInteger(dimension) || !Number.isSafeInteger(elements)) {
      throw tooLarge(cursor, dimensions);
    }
  }
  const row = dimensions[0] ?? 1;
  if (row % type.blockElements !== 0) {
    const block = `the ${type.blockElements} in a block of ${type.name}`;
    throw corrupt(
      cursor,
      "gguf-dimensions",
      `has rows of ${row} elements in ${cursor.place()}, not a multiple of ${block}`,
    );
  }
  const bytes = elements / type.blockElements * type.blockBytes;
  if (!Number.isSafeInteger(bytes)) throw tooLarge(cursor, dimensions);
  return bytes;
}

function tooLarge(cursor: Cursor, dimensions: readonly number[]) {
  return corrupt(
    cursor,
    "gguf-dimensions",
    `has the impossible shape ${dimensions.join(" × ")} in ${cursor.place()}`,
  );
}
