/**
 * The llama.cpp that everything in this folder follows, named here alone. The engine must carry the
 * same one: README.md tells what to do when it moves on.
 */
export const LLAMA_CPP_VERSION = "v0.4.0";
