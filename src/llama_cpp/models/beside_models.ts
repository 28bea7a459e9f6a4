/**
 * Whether a GGUF file is one of those that lie beside models and that llama.cpp takes for none by its
 * name: a projector, an importance matrix, a draft (download.cpp, `gguf_filename_is_model`).
 */
export function isBeside(name: string): boolean {
  return /mmproj|imatrix|^(mtp|eagle3|dflash|dspark)-/i.test(name);
}
