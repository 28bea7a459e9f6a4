import type { Cursor } from "./cursor.ts";
import { corrupt, fault } from "./fault.ts";
import {
  METADATA_TYPES,
  type MetadataArray,
  type MetadataScalar,
  type MetadataType,
  type MetadataValue,
} from "./header.ts";
import {
  MAX_ARRAY_DEPTH,
  MAX_ARRAY_ELEMENTS,
  MAX_ARRAY_STRINGS,
  MAX_NESTED_ARRAYS,
} from "./limits.ts";

type ReadScalar = (view: DataView, position: number, littleEndian: boolean) => MetadataScalar;

/** Bytes of a value of fixed length, and what reads it. */
const SCALARS: Readonly<
  Record<Exclude<MetadataType, "string" | "array">, readonly [bytes: number, read: ReadScalar]>
> = {
  uint8: [1, (view, at) => view.getUint8(at)],
  int8: [1, (view, at) => view.getInt8(at)],
  uint16: [2, (view, at, little) => view.getUint16(at, little)],
  int16: [2, (view, at, little) => view.getInt16(at, little)],
  uint32: [4, (view, at, little) => view.getUint32(at, little)],
  int32: [4, (view, at, little) => view.getInt32(at, little)],
  float32: [4, (view, at, little) => view.getFloat32(at, little)],
  // llama.cpp takes any byte but zero as true.
  bool: [1, (view, at) => view.getUint8(at) !== 0],
  uint64: [8, (view, at, little) => asNumber(view.getBigUint64(at, little))],
  int64: [8, (view, at, little) => asNumber(view.getBigInt64(at, little))],
  float64: [8, (view, at, little) => view.getFloat64(at, little)],
};

/** What is kept of a file's arrays and what has been kept so far. */
export interface Keeping {
  readonly numbers: number;
  readonly strings: number;
  nestedArrays: number;
}

/** Reads a value type's number, refusing those that GGUF doesn't have. */
export function readType(cursor: Cursor): MetadataType {
  const number = cursor.uint32();
  const type = METADATA_TYPES[number];
  if (type !== undefined) return type;
  const place = cursor.place();
  throw corrupt(cursor, "gguf-value-type", `has the unknown value type ${number} in ${place}`);
}

/** Reads the value of a metadata entry whose first 16 bytes are in the window. */
export function readValue(
  cursor: Cursor,
  type: MetadataType,
  keeping: Keeping,
): MetadataValue | Promise<MetadataValue> {
  if (type === "array") return readArray(cursor, keeping, 1);
  if (type === "string") return cursor.string();
  return readScalar(cursor, type);
}

/** Reads a value of fixed length that is in the window. */
function readScalar(cursor: Cursor, type: keyof typeof SCALARS): MetadataScalar {
  const [bytes, read] = SCALARS[type];
  cursor.expect(bytes);
  const { view, position, littleEndian } = cursor;
  cursor.position += bytes;
  return read(view, position, littleEndian);
}

function asNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

async function readArray(cursor: Cursor, keeping: Keeping, depth: number): Promise<MetadataArray> {
  if (cursor.lacks(12)) await cursor.prepare(12);
  const elementType = readType(cursor);
  const length = cursor.uint64();
  // The shortest string is a length field; the shortest array has a type as well.
  const least = elementType === "string"
    ? 8
    : elementType === "array"
    ? 12
    : SCALARS[elementType][0];
  const most = elementType === "string" ? MAX_ARRAY_STRINGS : MAX_ARRAY_ELEMENTS;
  cursor.checkLength(length, least, most, "an array");
  if (elementType === "array") return await readNested(cursor, keeping, depth, length);
  if (elementType === "string") {
    if (length > keeping.strings) {
      return { elementType, length, bytes: await cursor.skipStrings(length) };
    }
    const start = cursor.offset;
    const values: string[] = [];
    for (let i = 0; i < length; i++) {
      const text = cursor.string();
      values.push(typeof text === "string" ? text : await text);
    }
    return { elementType, length, bytes: cursor.offset - start - length * 8, values };
  }
  const [size] = SCALARS[elementType];
  const bytes = length * size;
  if (length > keeping.numbers) {
    cursor.skip(bytes);
    return { elementType, length, bytes };
  }
  const values: MetadataScalar[] = [];
  for (let i = 0; i < length; i++) {
    if (cursor.lacks(size)) await cursor.prepare(size);
    values.push(readScalar(cursor, elementType));
  }
  return { elementType, length, bytes, values };
}

async function readNested(
  cursor: Cursor,
  keeping: Keeping,
  depth: number,
  length: number,
): Promise<MetadataArray> {
  keeping.nestedArrays += length;
  if (depth >= MAX_ARRAY_DEPTH || keeping.nestedArrays > MAX_NESTED_ARRAYS) {
    throw fault(
      "gguf-nesting",
      `Model file ${cursor.source.path} has arrays in arrays, ${depth + 1} deep and ` +
        `${keeping.nestedArrays} in all, in ${cursor.place()}`,
      `brainjar reads up to ${MAX_ARRAY_DEPTH} levels and ${MAX_NESTED_ARRAYS} nested arrays`,
    );
  }
  const values: MetadataArray[] = [];
  let bytes = 0;
  for (let i = 0; i < length; i++) {
    const value = await readArray(cursor, keeping, depth + 1);
    values.push(value);
    bytes += value.bytes;
  }
  return { elementType: "array", length, bytes, values };
}
