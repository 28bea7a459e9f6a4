import type { Cursor } from "./cursor.ts";
import { CORRUPT_HINT, fault } from "./fault.ts";
import {
  METADATA_TYPES,
  type MetadataArray,
  type MetadataScalar,
  type MetadataType,
  type MetadataValue,
} from "./header.ts";
import { MAX_ARRAY_DEPTH, MAX_ARRAY_ELEMENTS, MAX_NESTED_ARRAYS } from "./limits.ts";

/** Bytes of one element; 0 where each has its own length. */
const ELEMENT_BYTES: Readonly<Record<MetadataType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  string: 0,
  array: 0,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/** Bytes that the shortest element takes: strings have a length field, arrays also a type. */
const LEAST_BYTES: Readonly<Record<MetadataType, number>> = {
  ...ELEMENT_BYTES,
  string: 8,
  array: 12,
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
  throw fault(
    "gguf-value-type",
    `Model file ${cursor.source.path} has the unknown value type ${number} in ${cursor.place()}`,
    CORRUPT_HINT,
  );
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
function readScalar(cursor: Cursor, type: MetadataType): MetadataScalar {
  const bytes = ELEMENT_BYTES[type];
  cursor.expect(bytes);
  const { view, position, littleEndian } = cursor;
  cursor.position += bytes;
  switch (type) {
    case "uint8":
      return view.getUint8(position);
    case "int8":
      return view.getInt8(position);
    case "uint16":
      return view.getUint16(position, littleEndian);
    case "int16":
      return view.getInt16(position, littleEndian);
    case "uint32":
      return view.getUint32(position, littleEndian);
    case "int32":
      return view.getInt32(position, littleEndian);
    case "float32":
      return view.getFloat32(position, littleEndian);
    case "float64":
      return view.getFloat64(position, littleEndian);
    case "uint64":
      return asNumber(view.getBigUint64(position, littleEndian));
    case "int64":
      return asNumber(view.getBigInt64(position, littleEndian));
    default:
      // llama.cpp takes any byte but zero as true.
      return view.getUint8(position) !== 0;
  }
}

function asNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

async function readArray(cursor: Cursor, keeping: Keeping, depth: number): Promise<MetadataArray> {
  if (cursor.lacks(12)) await cursor.prepare(12);
  const elementType = readType(cursor);
  const length = cursor.uint64();
  cursor.checkLength(length, LEAST_BYTES[elementType], MAX_ARRAY_ELEMENTS, "an array");
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
  const size = ELEMENT_BYTES[elementType];
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
