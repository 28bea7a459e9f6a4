// Types of the part of @std/cli/parse-args that parse.ts uses: the npm build has none.

export interface ParseOptions {
  string?: readonly string[];
  boolean?: readonly string[];
}

export function parseArgs(
  args: readonly string[],
  options?: ParseOptions,
): Record<string, unknown> & { _: (string | number)[] };
