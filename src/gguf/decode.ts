import { sum } from "../budget/sum.ts";
import { Cursor } from "./cursor.ts";
import { corrupt, fault, quote } from "./fault.ts";
import {
  type GgufHeader,
  type GgufPart,
  type MetadataType,
  type MetadataValue,
  numberOf,
} from "./header.ts";
import {
  DEFAULT_ALIGNMENT,
  MAX_KEPT_BYTES,
  MAX_KEPT_NUMBERS,
  MAX_KEPT_STRINGS,
  MAX_KEY_BYTES,
  MAX_KEYS,
  MAX_TENSORS,
  NEWEST_VERSION,
  OLDEST_VERSION,
  type ReadOptions,
} from "./limits.ts";
import { loadModule } from "../load_module.ts";
import { type Keeping, readType, readValue } from "./metadata_value.ts";
import type { ByteSource } from "./sources/source.ts";
import { returnWindow, takeWindow } from "./window.ts";
import { checkData, pad, readTensors, SHORTEST_ENTRY_BYTES } from "./tensor_table.ts";

const ALIGNMENT_KEY = "general.alignment";

const MAGIC = [0x47, 0x47, 0x55, 0x46];

/** Magic number, version, number of tensors, number of metadata entries. */
const FIXED_BYTES = 24;

/** A key of one character, a type and a value of one byte. */
const SHORTEST_METADATA_BYTES = 8 + 1 + 4 + 1;

/** A key, its type and a short value: most entries are read without waiting. */
const USUAL_ENTRY_BYTES = 512;

/** The header of one file. */
export interface PartHeader extends Omit<GgufHeader, "parts" | "fileBytes"> {
  readonly part: GgufPart;
}

/**
 * Decodes the header at the front of one file, in one pass over its length fields.
 *
 * What llama.cpp's own reader refuses (gguf.cpp) is refused here, and what it accepts is accepted
 * within `limits.ts`, with big-endian files and arrays in arrays besides.
 *
 * @param part number of the file within a split model, which its tensors are tagged with
 * @param names of the tensors of the parts before, which may not come again
 * @throws BrainjarError with a code that starts with `gguf-`
 */
export async function decode(
  source: ByteSource,
  options: ReadOptions = {},
  part = 0,
  names: Set<string> = new Set(),
): Promise<PartHeader> {
  const taken = takeWindow();
  const window = taken instanceof Promise ? await taken : taken;
  const cursor = new Cursor(source, window);
  try {
    const { version, tensorCount, keyCount } = await readFixed(cursor);
    const { metadata, metadataTypes } = await readMetadata(cursor, keyCount, options);
    const alignment = numberOf({ metadata }, ALIGNMENT_KEY) ?? DEFAULT_ALIGNMENT;
    cursor.place = () => "the tensor table";
    const most = MAX_TENSORS - names.size;
    cursor.checkLength(tensorCount, SHORTEST_ENTRY_BYTES, most, "a tensor table");
    const { tensors, dataBytes } = await readTensors(cursor, tensorCount, {
      part,
      alignment,
      names,
    });
    const dataOffset = tensorCount === 0 ? cursor.offset : pad(cursor.offset, alignment);
    checkData(cursor, dataOffset, dataBytes);
    return {
      version,
      byteOrder: cursor.littleEndian ? "little" : "big",
      alignment,
      metadata,
      metadataTypes,
      tensors,
      part: { path: source.path, fileBytes: source.size, dataOffset },
    };
  } finally {
    returnWindow(window);
  }
}

async function readFixed(cursor: Cursor) {
  const { path, size } = cursor.source;
  if (size === 0) {
    throw fault("gguf-empty", `Model file is empty: ${path}`, "Download the file again");
  }
  await cursor.prepare(FIXED_BYTES);
  const first = cursor.bytes.subarray(0, cursor.end);
  if (!MAGIC.every((byte, i) => i >= first.length || byte === first[i])) {
    // Models don't need it, and each module costs time at the start.
    const { notGguf } = await loadModule<typeof import("./other_files/formats.ts")>(
      import.meta,
      "./other_files/formats.ts",
    );
    throw notGguf(path, first);
  }
  cursor.place = () => "its first 24 bytes";
  cursor.expect(FIXED_BYTES);
  cursor.position = MAGIC.length;
  // The version is a small number in the file's byte order: where its low half is empty, the other
  // order was meant (as llama.cpp tells them apart).
  let version = cursor.uint32();
  if ((version & 0xffff) === 0) {
    cursor.littleEndian = false;
    cursor.position = MAGIC.length;
    version = cursor.uint32();
  }
  if (version !== OLDEST_VERSION && version !== NEWEST_VERSION) {
    throw fault(
      "gguf-version",
      `Unsupported GGUF version ${version}: ${path}`,
      version === 1
        ? "llama.cpp gave version 1 up: convert the model again or download it anew"
        : `brainjar and llama.cpp read versions ${OLDEST_VERSION} and ${NEWEST_VERSION}`,
    );
  }
  const tensorCount = cursor.uint64();
  const keyCount = cursor.uint64();
  cursor.checkLength(tensorCount, SHORTEST_ENTRY_BYTES, MAX_TENSORS, "a tensor table");
  cursor.checkLength(keyCount, SHORTEST_METADATA_BYTES, MAX_KEYS, "a metadata table");
  return { version, tensorCount, keyCount } as const;
}

async function readMetadata(
  cursor: Cursor,
  count: number,
  options: ReadOptions,
): Promise<Pick<GgufHeader, "metadata" | "metadataTypes">> {
  const everything = options.keepAll === true;
  const keeping: Keeping = {
    numbers: everything ? Infinity : options.keepNumbers ?? MAX_KEPT_NUMBERS,
    strings: everything ? Infinity : options.keepStrings ?? MAX_KEPT_STRINGS,
    nestedArrays: 0,
  };
  const metadata = new Map<string, MetadataValue>();
  const metadataTypes = new Map<string, MetadataType>();
  let index = 0;
  let key = "";
  let keptBytes = 0;
  cursor.place = () =>
    `metadata entry ${index + 1} of ${count}${key === "" ? "" : ` (${quote(key)})`}`;
  for (; index < count; index++) {
    key = "";
    if (cursor.lacks(USUAL_ENTRY_BYTES)) await cursor.prepare(USUAL_ENTRY_BYTES);
    const length = readKeyLength(cursor);
    if (cursor.lacks(length + 16)) await cursor.prepare(length + 16);
    key = cursor.text(length);
    if (metadata.has(key)) {
      throw corrupt(
        cursor,
        "gguf-duplicate-key",
        `has the metadata key ${quote(key)} a second time, as entry ${index + 1} of ${count}`,
      );
    }
    const type = readType(cursor);
    const reading = readValue(cursor, type, keeping);
    const value = reading instanceof Promise ? await reading : reading;
    if (key === ALIGNMENT_KEY) checkAlignment(cursor, type, value);
    metadata.set(key, value);
    metadataTypes.set(key, type);
    keptBytes += key.length + keptBytesOf(value);
    if (keptBytes > MAX_KEPT_BYTES && !everything) {
      const much = `more than ${MAX_KEPT_BYTES} bytes of metadata beside its vocabulary`;
      throw corrupt(cursor, "gguf-too-large", `has ${much}, up to ${cursor.place()}`);
    }
    if (cursor.remaining < 0) throw cursor.cutOff();
  }
  return { metadata, metadataTypes };
}

function readKeyLength(cursor: Cursor): number {
  const length = cursor.uint64();
  if (length > 0 && length <= MAX_KEY_BYTES) return length;
  const allowed = `where 1 to ${MAX_KEY_BYTES} are allowed`;
  throw corrupt(
    cursor,
    "gguf-key",
    `has a key of ${length} bytes in ${cursor.place()}, ${allowed}`,
  );
}

/** About what a value takes in memory: a number of one byte takes eight. */
function keptBytesOf(value: MetadataValue): number {
  if (typeof value === "string") return 8 + value.length;
  if (typeof value !== "object" || value.values === undefined) return 8;
  return value.elementType === "array"
    ? sum(value.values.map(keptBytesOf))
    : value.bytes + 8 * value.length;
}

/** llama.cpp refuses any other type than a 32-bit number, and any number but a power of two. */
function checkAlignment(cursor: Cursor, type: MetadataType, value: MetadataValue): void {
  // A power of two has one bit set, also as a 32-bit number with its sign.
  if (type === "uint32" && typeof value === "number" && value > 0 && (value & (value - 1)) === 0) {
    return;
  }
  const shown = typeof value === "object" ? "" : ` ${quote(String(value))}`;
  throw corrupt(
    cursor,
    "gguf-alignment",
    `has the ${type}${shown} as general.alignment, which must be a uint32 and a power of two`,
  );
}
