import { buildHeader, text, type WrittenEntry, type WrittenTensor } from "./build_header.ts";

const uint16 = (key: string, value: number): WrittenEntry => ({ key, type: "uint16", value });

/** How one part of a split model is to differ from an honest one. */
export interface PartLie {
  readonly number?: number | null;
  readonly count?: number | null;
  readonly architecture?: string;
  readonly tensors?: readonly WrittenTensor[];
  readonly bigEndian?: boolean;
}

export const partTensors = (part: number): WrittenTensor[] => [
  { name: `blk.${part}.a`, dimensions: [32, 2], type: 8 },
  { name: `blk.${part}.b`, dimensions: [7] },
];

/** The bytes of one part, counted from 0, of a split model whose parts have two tensors each. */
export function buildPart(part: number, count: number, lie: PartLie = {}): Uint8Array<ArrayBuffer> {
  const metadata: WrittenEntry[] = [];
  if (part === 0 || lie.architecture !== undefined) {
    metadata.push(text("general.architecture", lie.architecture ?? "llama"));
  }
  if (lie.number !== null) metadata.push(uint16("split.no", lie.number ?? part));
  if (lie.count !== null) metadata.push(uint16("split.count", lie.count ?? count));
  metadata.push({ key: "split.tensors.count", type: "int32", value: count * 2 });
  const tensors = lie.tensors ?? partTensors(part);
  return buildHeader({ metadata, tensors, bigEndian: lie.bigEndian === true }).bytes;
}

export function partName(part: number, count: number): string {
  const digits = (value: number) => String(value).padStart(5, "0");
  return `model-${digits(part + 1)}-of-${digits(count)}.gguf`;
}
