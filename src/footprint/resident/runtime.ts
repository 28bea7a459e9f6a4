const MIB = 1024 ** 2;

/*
 * Measured with Deno 2.9.6 and node-llama-cpp 3.21.1 on x86-64 Linux, as anonymous memory of a
 * process that opens the engine as brainjar does; 30 runs differ by less than 3 MiB.
 */

/** Anonymous memory of Deno with the engine open, no model, and garbage given back: 30 to 31 MiB. */
export const RUNTIME_BYTES = 31 * MIB;

/** The same while the engine is being opened: 42 to 45 MiB. */
export const OPENING_BYTES = 45 * MIB;

/**
 * What the kernel keeps for a process and charges to its group beside its pages: stacks of some 30
 * threads, files, and program pages in use that can't be taken away.
 */
export const KERNEL_BYTES = 3 * MIB;

/** Each mapped page of 4 KiB has an entry of 8 bytes in a page table (x86-64 and ARM alike). */
export const PAGE_TABLE_SHARE = 8 / 4096;
