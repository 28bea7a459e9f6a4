import { printable } from "./printable.ts";

/** The line between blocks: 70 `=`, as the seed prints it. */
export const RULE = "=".repeat(70);

/** One titled part of a report. */
export interface Block {
  readonly title: string;
  readonly lines: readonly string[];
}

/**
 * Blocks one under another, each title between two rules and a rule at the end. Whatever a line was
 * made of, it stays one line (`printable`).
 *
 * @example
 * ```ts
 * import { blocks, RULE } from "./block.ts";
 * const text = blocks([{ title: "SUMS", lines: ["1 + 1 = 2"] }]);
 * if (text !== `${RULE}\nSUMS\n${RULE}\n1 + 1 = 2\n${RULE}`) throw new Error("One block");
 * ```
 */
export function blocks(parts: readonly Block[]): string {
  const lines = parts.flatMap(({ title, lines }) => [RULE, title, RULE, ...lines].map(printable));
  return [...lines, RULE].join("\n");
}

/** Wide enough for the longest label that reports use. */
const LABEL_WIDTH = 25;

/**
 * Labels and values in two columns; a value of `undefined` leaves its line out.
 *
 * @example
 * ```ts
 * import { fields } from "./block.ts";
 * const lines = fields([["Total RAM", "8.00 GB"], ["Swap", undefined]]);
 * if (lines.length !== 1 || !lines[0]?.startsWith("Total RAM:  ")) throw new Error("One line");
 * ```
 */
export function fields(
  rows: readonly (readonly [label: string, value: string | undefined])[],
  indent = "",
): string[] {
  return rows.flatMap(([label, value]) =>
    value === undefined ? [] : [`${indent}${`${label}:`.padEnd(LABEL_WIDTH)} ${value}`]
  );
}

/** A title with its labels and values indented below it, each one printable line. */
export function titled(title: string, rows: Parameters<typeof fields>[0]): string {
  return [title, ...fields(rows, "  ")].map(printable).join("\n");
}
