const MIB = 1024 ** 2;

/*
 * Measured with Deno 2.9.6 and node-llama-cpp on x86-64 Linux, as anonymous memory of a
 * process that opens the engine as brainjar does; 30 runs differ by less than 3 MiB.
 */

/**
 * Anonymous memory of brainjar with the engine open, no model, and garbage given back: 37 to 38 MiB,
 * of which Deno has 9.
 */
export const RUNTIME_BYTES = 38 * MIB;

/**
 * The same while jars think and die, over a hundred turns: V8's heap, 15 MiB with the engine open,
 * is then 22 to 24 at its highest (what new objects are made in, code that has been compiled since,
 * what the run keeps), and what is freed in many small blocks lies scattered over glibc's arenas.
 */
export const THINKING_RUNTIME_BYTES = RUNTIME_BYTES + 6 * MIB;

/**
 * Anonymous memory while the engine is being opened, with the process that node-llama-cpp forks to try its
 * library in, about 50 and 32 MiB, and with that one's share of what the kernel keeps.
 */
export const OPENING_BYTES = 85 * MIB;

/**
 * What the kernel keeps for a process and charges to its group beside its pages: stacks of some 30
 * threads, files, and program pages in use that can't be taken away. Where nothing is mapped, the
 * kernel's thresholds lie 3 to 5 MiB above what is anonymous.
 */
export const KERNEL_BYTES = 5 * MIB;

/**
 * What a process that thinks has mapped of its own files: 47 MiB of Deno, 9 of llama.cpp's and the
 * system's libraries. Whoever reads a file first is charged for it, so in a container that has just
 * started they are the group's. The kernel can take them away, but not know which of them are for
 * the next token: 20 MiB too little, and 27 MiB were read from the disk for each token of the demo brain.
 */
export const PROGRAM_BYTES = 56 * MIB;

/**
 * Pages of mapped weights that can't be taken away while the disk reads them. llama.cpp has windows
 * of read-ahead twice as large as the disk's, which are 8 MiB on some (128 KiB on most), and each
 * thread may wait for one. The kernel was seen to kill with 10 MiB of them in a group where 90 MiB
 * are read for each token, and with 20 MiB where it was 320 MiB and went on for minutes.
 */
const READ_AHEAD = { least: 10 * MIB, most: 32 * MIB, share: 0.1 };

/** Bytes of `READ_AHEAD` for so many bytes that every token reads. */
export function readAheadBytes(denseBytes: number): number {
  const { least, most, share } = READ_AHEAD;
  return Math.ceil(Math.min(most, Math.max(least, denseBytes * share)));
}

/** The same where all weights were laid out anew: what is left is read page by page. */
export const PAGE_READS_BYTES = 4 * MIB;

/** Each mapped page of 4 KiB has an entry of 8 bytes in a page table (x86-64 and ARM alike). */
export const PAGE_TABLE_SHARE = 8 / 4096;

/*
 * What is allocated and never filled counts for limits on data, address space and committed memory
 * (src/budget/allocated_memory.ts). Measured as VmData beyond RssAnon, less what a Deno without the
 * engine has of it (536 MiB), with models of 1 to 180 MB and up to three contexts.
 */

/** In the process, whatever is loaded: memory that glibc and V8 keep. Seen: 45 to 60 MiB. */
export const PROCESS_RESERVED_BYTES = 64 * MIB;

/** In each context, beside its compute buffer: 20 to 25 MiB. */
export const CONTEXT_RESERVED_BYTES = 24 * MIB;

/**
 * Address space that is reserved after memory was first looked at: 4.1 GiB for WebAssembly's
 * memory, which headers are read in, and the engine's libraries.
 */
export const ADDRESS_SPACE_BYTES = 4.5 * 1024 * MIB;

/** The stack of a thread that computes, where nobody limits stacks (`ulimit -s`). */
export const STACK_BYTES = 8 * MIB;

/**
 * Most that is committed while the engine is opened: a second Deno tries its library (551 MiB, V8's
 * code range of 512 among it), beside what this one fills.
 */
export const OPENING_COMMITTED_BYTES = 640 * MIB;
