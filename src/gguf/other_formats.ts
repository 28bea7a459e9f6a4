import { fault, quote } from "./fault.ts";

const CONVERT = "Convert the model with llama.cpp's convert_hf_to_gguf.py or download it as GGUF";

/** What a file that isn't GGUF starts with, what it is, and what to tell its owner. */
const OTHERS: readonly (readonly [start: string, what: string, hint: string])[] = [
  ["PK\x03\x04", "a ZIP archive, such as PyTorch's", CONVERT],
  ["\x80\x02", "a Python pickle, such as PyTorch's", CONVERT],
  ["lmgg", "an old GGML model", CONVERT],
  ["fmgg", "an old GGMF model", CONVERT],
  ["tjgg", "an old GGJT model", CONVERT],
  ["algg", "an old GGLA adapter", CONVERT],
  ["\x89HDF", "an HDF5 file, such as Keras's", CONVERT],
  ["version https://git-lfs", "a Git LFS pointer", "Fetch the model itself with git lfs pull"],
  ["\x1f\x8b", "a gzip file", "Decompress it first"],
  ["\x28\xb5\x2f\xfd", "a Zstandard file", "Decompress it first"],
  ["\xfd7zXZ", "an XZ file", "Decompress it first"],
  ["7z\xbc\xaf", "a 7-Zip archive", "Decompress it first"],
  ["<", "a web page", "Download the file itself, not the page about it"],
  ["{", "a JSON file", "Give the model's .gguf file"],
];

/** The error for a file whose first bytes aren't GGUF's magic number. */
export function notGguf(path: string, first: Uint8Array) {
  const text = String.fromCharCode(...first.subarray(0, 24));
  const [, what, hint = "Give the model's .gguf file"] = text.startsWith('{"', 8)
    ? ["", "a safetensors file", CONVERT]
    : OTHERS.find(([start]) => text.startsWith(start)) ?? [];
  const like = what === undefined ? "" : `, like ${what}`;
  return fault(
    "gguf-bad-magic",
    `Not a GGUF file: ${path} starts with ${quote(text.slice(0, 4))}${like}`,
    hint,
  );
}
