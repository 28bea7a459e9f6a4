import { fault, quote } from "./fault.ts";

/** What a file that isn't GGUF starts with, and what to tell its owner. */
const OTHERS: readonly { readonly start: string; readonly what: string; readonly hint: string }[] =
  [
    { start: "PK\x03\x04", what: "a ZIP archive, such as PyTorch's", hint: convert() },
    { start: "\x80\x02", what: "a Python pickle, such as PyTorch's", hint: convert() },
    { start: "lmgg", what: "an old GGML model", hint: convert() },
    { start: "fmgg", what: "an old GGMF model", hint: convert() },
    { start: "tjgg", what: "an old GGJT model", hint: convert() },
    { start: "algg", what: "an old GGLA adapter", hint: convert() },
    { start: "\x89HDF", what: "an HDF5 file, such as Keras's", hint: convert() },
    {
      start: "version https://git-lfs",
      what: "a Git LFS pointer",
      hint: "Fetch the model itself with git lfs pull",
    },
    { start: "\x1f\x8b", what: "a gzip file", hint: "Decompress it first" },
    { start: "\x28\xb5\x2f\xfd", what: "a Zstandard file", hint: "Decompress it first" },
    { start: "\xfd7zXZ", what: "an XZ file", hint: "Decompress it first" },
    { start: "7z\xbc\xaf", what: "a 7-Zip archive", hint: "Decompress it first" },
    { start: "<", what: "a web page", hint: "Download the file itself, not the page about it" },
    { start: "{", what: "a JSON file", hint: "Give the model's .gguf file" },
  ];

function convert(): string {
  return "Convert the model with llama.cpp's convert_hf_to_gguf.py or download it as GGUF";
}

/** The error for a file whose first bytes aren't GGUF's magic number. */
export function notGguf(path: string, first: Uint8Array) {
  const text = String.fromCharCode(...first.subarray(0, 24));
  const other = text.startsWith('{"', 8)
    ? { what: "a safetensors file", hint: convert() }
    : OTHERS.find(({ start }) => text.startsWith(start));
  const what = other === undefined ? "" : `, like ${other.what}`;
  return fault(
    "gguf-bad-magic",
    `Not a GGUF file: ${path} starts with ${quote(text.slice(0, 4))}${what}`,
    other?.hint ?? "Give the model's .gguf file",
  );
}
