import { MAX_SERVER_MODELS, MODEL_TIMEOUT_MILLISECONDS, type ReadOptions } from "../limits.ts";

/** What ends the reading of a model on a server, whatever is being asked for. */
export interface ModelTimer {
  readonly modelTimer: AbortSignal;
}

let free = MAX_SERVER_MODELS;
const waiting: (() => void)[] = [];

/**
 * Reads a model on a server when its turn comes, and gives it so much time in all from then on: for
 * every range, redirect and part of it.
 */
export async function inServerTurn<Result>(
  { modelTimeoutMilliseconds = MODEL_TIMEOUT_MILLISECONDS }: ReadOptions,
  read: (timer: ModelTimer) => Promise<Result>,
): Promise<Result> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await read({ modelTimer: AbortSignal.timeout(modelTimeoutMilliseconds) });
  } finally {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }
}
