// deno-lint-ignore-file no-control-regex -- binary formats are told by control characters
import { fault, quote } from "../fault.ts";

const CONVERT = "Convert the model with llama.cpp's convert_hf_to_gguf.py or download it as GGUF";
const GGUF = "Give the model's .gguf file";
const UNPACK = "Unpack it first, and give the .gguf file that is in it";
const CONVERT_AGAIN =
  "llama.cpp gave that format up: convert the model again or download it as GGUF";
const OTHER_MODEL = "Give a language model's GGUF file";

/** One kind of file, told by its first bytes, which are given a character each. */
interface Format {
  readonly start: RegExp;
  /** With its article, as it goes on from "PATH is". */
  readonly what: string;
  readonly hint: string;
}

/** Bytes of a file's start that formats are told by. */
export const START_BYTES = 4096;

/** Characters of a text's first line that are shown. */
const SHOWN_LINE = 60;

const FORMATS: readonly Format[] = [
  {
    start: /^[^]{5}\0{3}\{[^]*(lora_[AB]|\.lora_(down|up))/,
    what: "a LoRA adapter as a safetensors file",
    hint: "Give the GGUF file of the model that it adapts: brainjar loads no adapters",
  },
  { start: /^[^]{5}\0{3}\{/, what: "a safetensors file", hint: CONVERT },
  { start: /^PK\x03\x04/, what: "a ZIP archive, such as PyTorch's", hint: CONVERT },
  { start: /^\x80[\x02-\x05]/, what: "a Python pickle, such as PyTorch's", hint: CONVERT },
  { start: /^\x89HDF/, what: "an HDF5 file, such as Keras's", hint: CONVERT },
  { start: /^\x93NUMPY/, what: "a NumPy array", hint: CONVERT },
  {
    start: /^\xff\xfeG\0G\0U\0F\0/,
    what: "a GGUF file that was written as text, as PowerShell's > does",
    hint: "Download it again with curl.exe --output or Invoke-WebRequest -OutFile",
  },
  { start: /^LITERTLM/, what: "a LiteRT-LM model", hint: OTHER_MODEL },
  { start: /^[^]{4}TFL3/, what: "a TensorFlow Lite model", hint: OTHER_MODEL },
  // ModelProto's ir_version, then its producer (onnx.proto).
  { start: /^\x08[\x01-\x20](\x12|\x1a|"|:|B)/, what: "an ONNX model", hint: OTHER_MODEL },
  // ModelProto's first piece, which is <unk> (sentencepiece_model.proto).
  {
    start: /^\n[^]\n[^](<unk>|<pad>|<s>)/,
    what: "a SentencePiece vocabulary (tokenizer.model)",
    hint: GGUF,
  },
  // The file type of whisper.cpp has three sizes of vocabulary (51864 to 51866).
  {
    start: /^lmgg[\x98-\x9a]\xca\0\0/,
    what: "a whisper.cpp model of speech",
    hint: OTHER_MODEL,
  },
  { start: /^lmgg/, what: "an old GGML model", hint: CONVERT_AGAIN },
  { start: /^fmgg/, what: "an old GGMF model", hint: CONVERT_AGAIN },
  { start: /^tjgg/, what: "an old GGJT model", hint: CONVERT_AGAIN },
  {
    start: /^algg/,
    what: "an old GGLA adapter",
    hint: "Give the GGUF file of the model that it adapts: brainjar loads no adapters",
  },
  // Its number of entries, then each with the length of its name (llama.cpp's tools/imatrix).
  {
    start: /^[^][^][^]?\0{1,2}[\x05-\x40]\0{3}(blk\.\d|output|token_embd|[a-z][\w.]{0,56}\.weight)/,
    what: "an importance matrix (imatrix.dat), not a model",
    hint: "It is for llama-quantize --imatrix: give the model that was quantized",
  },
  {
    start: /^version https:\/\/(git-lfs|hawser)/,
    what: "a Git LFS pointer",
    hint: "Fetch the model itself with git lfs pull",
  },
  { start: /^\x1f\x8b/, what: "a gzip file", hint: UNPACK },
  { start: /^\x28\xb5\x2f\xfd/, what: "a Zstandard file", hint: UNPACK },
  { start: /^\xfd7zXZ/, what: "an XZ file", hint: UNPACK },
  { start: /^BZh[1-9]/, what: "a bzip2 file", hint: UNPACK },
  { start: /^\x04\x22\x4d\x18/, what: "an LZ4 file", hint: UNPACK },
  { start: /^7z\xbc\xaf/, what: "a 7-Zip archive", hint: UNPACK },
  { start: /^Rar!/, what: "a RAR archive", hint: UNPACK },
  { start: /^[^]{257}ustar/, what: "a tar archive", hint: UNPACK },
  {
    start: /^MZqFpD/,
    what: "a llamafile, a program with a model in it",
    hint: "Give the model's .gguf file: unzip takes it out of the llamafile",
  },
  { start: /^\x7fELF|^MZ|^\xcf\xfa\xed\xfe/, what: "a program", hint: GGUF },
  { start: /^%PDF/, what: "a PDF document", hint: GGUF },
  { start: /^\x89PNG|^\xff\xd8\xff|^GIF8|^RIFF[^]{4}WEBP/, what: "a picture", hint: GGUF },
  { start: /^SQLite format 3/, what: "an SQLite database", hint: GGUF },
  { start: /^PAR1/, what: "a Parquet file of data", hint: GGUF },
  {
    start: /^d\d+:(announce|comment|created|info)/,
    what: "a BitTorrent file",
    hint: "Give it to a BitTorrent program: it is what the model is downloaded by",
  },
  {
    start: /^(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body|title|!--)/i,
    what: "a web page",
    hint: "Download the file itself, not the page about it: on a hub, from its /resolve/ URL",
  },
  {
    start: /^(\xef\xbb\xbf)?\s*<\?xml/,
    what: "an XML document, such as a server's refusal",
    hint: "Download the model itself: look into the file for what the server said",
  },
  {
    start: /^(\xef\xbb\xbf)?\s*\{\s*("|\}|$)|^(\xef\xbb\xbf)?\s*\[\s*[\]"{[]/,
    what: "a JSON file",
    hint: GGUF,
  },
  {
    start: /^(#[^\n]*\n|\s)*FROM\s+\S/,
    what: "an Ollama Modelfile",
    hint: "Give the model that it names behind FROM, or ollama:NAME if it was created",
  },
  {
    start: /^\0{64}/,
    what: "zeros at its start",
    hint: "Its room was set aside and nothing is in it yet: let the download end, or start it anew",
  },
];

/**
 * What a file is whose first bytes aren't GGUF's magic number; nothing where they tell nothing.
 *
 * @example
 * ```ts
 * import { formatOf } from "./formats.ts";
 * const format = formatOf(new TextEncoder().encode("<!DOCTYPE html>"));
 * if (format?.what !== "a web page") throw new Error(format?.what);
 * ```
 */
export function formatOf(first: Uint8Array): Pick<Format, "what" | "hint"> | undefined {
  const start = first.subarray(0, START_BYTES);
  const characters = Array.from(start, (byte) => String.fromCharCode(byte)).join("");
  return FORMATS.find((format) => format.start.test(characters)) ?? textFormat(start);
}

/** A text of its own, with the line that says what it is: what servers say ends up in files. */
function textFormat(start: Uint8Array): Pick<Format, "what" | "hint"> | undefined {
  let text;
  try {
    // The last character may be cut in two.
    text = new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true });
  } catch {
    return undefined;
  }
  if (text.length < 8 || /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text)) return undefined;
  const line = text.trim().split(/\r?\n/, 1)[0] ?? "";
  const shown = line.length > SHOWN_LINE ? `${line.slice(0, SHOWN_LINE)}…` : line;
  return {
    what: `a text that begins with ${quote(shown)}`,
    hint: `${GGUF}: this may be what a server said instead of sending it`,
  };
}

/** The error for a file whose first bytes aren't GGUF's magic number. */
export function notGguf(path: string, first: Uint8Array) {
  const format = formatOf(first);
  if (format !== undefined) {
    return fault("gguf-bad-magic", `Not a GGUF file: ${path} is ${format.what}`, format.hint);
  }
  const start = String.fromCharCode(...first.subarray(0, 4));
  return fault("gguf-bad-magic", `Not a GGUF file: ${path} starts with ${quote(start)}`, GGUF);
}
