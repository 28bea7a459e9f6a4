import { tensorBytes } from "../llama_cpp/ggml/tensor_bytes.ts";
import { GGML_TYPES } from "../llama_cpp/ggml/types.ts";
import { fileTypeName } from "./file_type.ts";
import { type GgufHeader, numberOf, textOf } from "./header.ts";
import { isCacheName } from "./locate.ts";

/** A model in a few words, as reports show it (src/report/README.md, "Output"). */
export interface ModelDescription {
  /** Path or URL of the first part, or the name in a cache that it was found by. */
  readonly path: string;
  /** Path of the first part, where `path` is a name in a cache. */
  readonly file?: string;
  /** `general.name`, or the file's name without its ending. */
  readonly name: string;
  readonly architecture: string | null;
  /** Elements of all tensors together. */
  readonly parameters: number;
  /** By `general.file_type`, or the tensor type with the most bytes; null without tensors. */
  readonly quantization: string | null;
  /** Tokens. */
  readonly trainContextLength: number | null;
  /** All parts together. */
  readonly fileBytes: number;
  readonly parts: number;
}

/** Describes a model by its header, and by the name that people know it by. */
export function describeModel(
  header: GgufHeader,
  path: string = header.parts[0]?.path ?? "",
): ModelDescription {
  const file = header.parts[0]?.path;
  const architecture = textOf(header, "general.architecture") ?? null;
  const fileType = numberOf(header, "general.file_type");
  return {
    path,
    ...(file !== undefined && isCacheName(path) ? { file } : {}),
    name: textOf(header, "general.name") || fileName(path),
    architecture,
    parameters: header.tensors.reduce((sum, { dimensions }) => sum + product(dimensions), 0),
    quantization: (fileType === undefined ? undefined : fileTypeName(fileType)) ??
      dominantType(header),
    trainContextLength: numberOf(header, `${architecture}.context_length`) ?? null,
    fileBytes: header.fileBytes,
    parts: header.parts.length,
  };
}

function product(dimensions: readonly number[]): number {
  return dimensions.reduce((elements, dimension) => elements * dimension, 1);
}

function fileName(path: string): string {
  const last = path.replace(/[?#].*$/, "").split(/[/\\]/).at(-1) ?? "";
  return last.replace(/\.gguf$/, "").replace(/-\d{5}-of-\d{5}$/, "");
}

/** The tensor type that most of the model's bytes have. */
function dominantType(header: GgufHeader): string | null {
  const bytes = new Map<string, number>();
  for (const tensor of header.tensors) {
    const type = GGML_TYPES.get(tensor.type)?.name;
    if (type !== undefined) bytes.set(type, (bytes.get(type) ?? 0) + tensorBytes(tensor));
  }
  let dominant: string | null = null;
  let most = -1;
  for (const [name, size] of bytes) {
    if (size > most) [dominant, most] = [name, size];
  }
  return dominant;
}
