import type { Output } from "../terminal/output.ts";
import type { Progress } from "../terminal/progress.ts";
import { openProgress } from "./watchers.ts";

/** What is read faster than this is read before a line about it could be. */
const SILENT_MILLISECONDS = 500;

/** How far a file is read, on the terminal. */
export interface Reading {
  /** From 0 to 1. */
  show(fraction: number): void;
  /** Takes the line away; nothing is shown from then on. */
  end(): void;
}

/**
 * Shows how far a transcript is read, where stderr is a terminal and it takes a while.
 *
 * @param progress the terminal's line, opened unless it is given
 */
export async function showReading(
  path: string,
  { interactive }: Pick<Output, "interactive">,
  { progress, now = () => performance.now() }: {
    readonly progress?: Progress;
    readonly now?: () => number;
  } = {},
): Promise<Reading> {
  if (!interactive) return { show() {}, end() {} };
  const line = progress ?? await openProgress(() => true);
  const began = now();
  let isOver = false;
  return {
    show(fraction) {
      if (isOver || now() - began < SILENT_MILLISECONDS) return;
      line.show({ kind: "reading", path, fraction });
    },
    end() {
      isOver = true;
      line.clear();
    },
  };
}
