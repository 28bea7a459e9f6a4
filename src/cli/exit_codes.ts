/** What each exit code says (src/budget/README.md, "Exit codes"), in the order of help. */
export const EXIT_CODES: readonly { readonly code: number; readonly means: string }[] = [
  { code: 0, means: "fits, or the run ended as asked" },
  { code: 1, means: "doesn't fit, or a layer refused" },
  { code: 2, means: "wrong usage, or an input that can't be read" },
  { code: 3, means: "the engine or the run failed" },
  { code: 130, means: "Ctrl-C" },
  { code: 143, means: "SIGTERM" },
];
