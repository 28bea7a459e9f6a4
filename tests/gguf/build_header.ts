import { GGML_TYPES } from "../../src/llama_cpp/ggml/types.ts";
import { METADATA_TYPES, type MetadataType } from "../../src/gguf/header.ts";

/** A value to write: what it is decides nothing, its type is said beside it. */
export type Written = number | bigint | boolean | string | WrittenArray;

/** An array to write; `claim` is the length it claims to have. */
export interface WrittenArray {
  readonly elementType: MetadataType | number;
  readonly elements: readonly Written[];
  readonly claim?: number | bigint;
}

export interface WrittenEntry {
  readonly key: string;
  /** A number writes a type that GGUF may not have. */
  readonly type: MetadataType | number;
  readonly value: Written;
  /** The length that its key claims to have. */
  readonly keyClaim?: number | bigint;
  /** The length that its text claims to have. */
  readonly claim?: number | bigint;
}

export interface WrittenTensor {
  readonly name: string;
  readonly dimensions: readonly (number | bigint)[];
  readonly type?: number;
  /** Where its data follows from the tensors before it, unless told otherwise. */
  readonly offset?: number | bigint;
  readonly dimensionCount?: number;
}

/** A header to write, with any lie. */
export interface WrittenHeader {
  readonly magic?: string;
  readonly version?: number;
  readonly bigEndian?: boolean;
  readonly metadata?: readonly WrittenEntry[];
  readonly tensors?: readonly WrittenTensor[];
  readonly keyCount?: number | bigint;
  readonly tensorCount?: number | bigint;
  /** What the tensors are laid out by; `general.alignment` isn't written for it. */
  readonly alignment?: number;
  /** Bytes of tensor data fewer than the header promises. */
  readonly missing?: number;
  /** Only the header, no data. */
  readonly withoutData?: boolean;
}

/** Where the parts of a written file start, so that tests can cut it in the middle of each. */
export interface Built {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly metadataAt: readonly number[];
  readonly tensorsAt: readonly number[];
  readonly headerEnd: number;
  readonly dataAt: number;
}

export const text = (key: string, value: string): WrittenEntry => ({ key, type: "string", value });

export const uint32 = (key: string, value: number): WrittenEntry => ({
  key,
  type: "uint32",
  value,
});

export const array = (
  key: string,
  elementType: MetadataType | number,
  elements: readonly Written[],
  claim?: number | bigint,
): WrittenEntry => ({
  key,
  type: "array",
  value: { elementType, elements, ...(claim === undefined ? {} : { claim }) },
});

/** Writes the bytes of a GGUF file, honest unless told to lie. */
export function buildHeader(header: WrittenHeader): Built {
  const out = new Out(header.bigEndian !== true);
  out.raw(new TextEncoder().encode(header.magic ?? "GGUF"));
  out.uint32(header.version ?? 3);
  const metadata = header.metadata ?? [];
  const tensors = header.tensors ?? [];
  out.uint64(header.tensorCount ?? tensors.length);
  out.uint64(header.keyCount ?? metadata.length);
  const metadataAt: number[] = [];
  for (const entry of metadata) {
    metadataAt.push(out.length);
    out.string(entry.key, entry.keyClaim);
    out.type(entry.type);
    out.value(entry.type, entry.value, entry.claim);
  }
  const alignment = header.alignment ?? 32;
  const tensorsAt: number[] = [];
  let offset = 0;
  let dataBytes = 0;
  for (const tensor of tensors) {
    tensorsAt.push(out.length);
    out.string(tensor.name);
    out.uint32(tensor.dimensionCount ?? tensor.dimensions.length);
    for (const dimension of tensor.dimensions) out.uint64(dimension);
    out.uint32(tensor.type ?? 0);
    out.uint64(tensor.offset ?? offset);
    dataBytes = offset + tensorBytes(tensor);
    offset = Math.ceil(dataBytes / alignment) * alignment;
  }
  const headerEnd = out.length;
  const dataAt = tensors.length === 0 ? headerEnd : Math.ceil(headerEnd / alignment) * alignment;
  if (header.withoutData !== true) out.grow(dataAt + dataBytes - (header.missing ?? 0));
  return { bytes: out.bytes(), metadataAt, tensorsAt, headerEnd, dataAt };
}

function tensorBytes(tensor: WrittenTensor): number {
  const type = GGML_TYPES.get(tensor.type ?? 0) ?? { blockBytes: 4, blockElements: 1 };
  const elements = tensor.dimensions.reduce<number>((product, n) => product * Number(n), 1);
  const bytes = elements / type.blockElements * type.blockBytes;
  // A shape that is a lie has no data.
  return bytes <= 2 ** 24 ? Math.ceil(bytes) : 0;
}

class Out {
  readonly #little: boolean;
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  constructor(little: boolean) {
    this.#little = little;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length);
  }

  grow(length: number): void {
    if (length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    this.length = length;
  }

  #take(count: number): number {
    const at = this.length;
    this.grow(at + count);
    return at;
  }

  raw(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
  }

  uint32(value: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, value, this.#little);
  }

  uint64(value: number | bigint): void {
    const at = this.#take(8);
    this.#view.setBigUint64(at, BigInt(value), this.#little);
  }

  string(value: string, claim?: number | bigint): void {
    const bytes = new TextEncoder().encode(value);
    this.uint64(claim ?? bytes.length);
    this.raw(bytes);
  }

  type(type: MetadataType | number): void {
    this.uint32(typeof type === "number" ? type : METADATA_TYPES.indexOf(type));
  }

  value(type: MetadataType | number, value: Written, claim?: number | bigint): void {
    if (typeof value === "object") return this.#array(value);
    if (typeof value === "string") return this.string(value, claim);
    const number = Number(value);
    const little = this.#little;
    switch (type) {
      case "uint8":
      case "bool":
        return this.#set(1, (view, at) => view.setUint8(at, number));
      case "int8":
        return this.#set(1, (view, at) => view.setInt8(at, number));
      case "uint16":
        return this.#set(2, (view, at) => view.setUint16(at, number, little));
      case "int16":
        return this.#set(2, (view, at) => view.setInt16(at, number, little));
      case "int32":
        return this.#set(4, (view, at) => view.setInt32(at, number, little));
      case "float32":
        return this.#set(4, (view, at) => view.setFloat32(at, number, little));
      case "float64":
        return this.#set(8, (view, at) => view.setFloat64(at, number, little));
      case "uint64":
        return this.uint64(BigInt(value));
      case "int64":
        return this.#set(8, (view, at) => view.setBigInt64(at, BigInt(value), little));
      default:
        return this.uint32(number);
    }
  }

  /** The view may be another one after room was made. */
  #set(count: number, write: (view: DataView, at: number) => void): void {
    const at = this.#take(count);
    write(this.#view, at);
  }

  #array(value: WrittenArray): void {
    this.type(value.elementType);
    this.uint64(value.claim ?? value.elements.length);
    for (const element of value.elements) this.value(value.elementType, element);
  }
}
