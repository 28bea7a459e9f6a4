import { AsyncLocalStorage } from "node:async_hooks";

/** A part of node-llama-cpp that tells what was made from it when it is disposed. */
export interface Parent {
  readonly onDispose: { createListener(callback: () => void): unknown };
}

/** What disposes the parts that are being made, each kept by the making it belongs to. */
const makings = new AsyncLocalStorage<(() => void)[]>();

/**
 * Has `makeOrDispose` know what is made from `parent`: an engine's models, or a model's contexts.
 *
 * @example
 * ```ts
 * import { disposeUnfinished, makeOrDispose } from "./unfinished.ts";
 * const parent = { onDispose: { createListener: (_: () => void) => {} } };
 * disposeUnfinished(parent);
 * let disposed = false;
 * await makeOrDispose(() => {
 *   parent.onDispose.createListener(() => disposed = true);
 *   return Promise.reject(new Error("No memory"));
 * }).catch(() => {});
 * if (!disposed) throw new Error("Left behind");
 * ```
 */
export function disposeUnfinished({ onDispose }: Parent): void {
  const { createListener } = onDispose;
  onDispose.createListener = (callback) => {
    makings.getStore()?.push(callback);
    return createListener(callback);
  };
}

/**
 * Makes a part and, where that fails or is aborted, disposes what was made of it.
 *
 * node-llama-cpp leaves it alone, and then waits for it before the parent is disposed: for ever, if
 * V8 has collected it by then. What it listens with for the parent's end is all that can be had of
 * it from outside.
 */
export async function makeOrDispose<Part>(make: () => Promise<Part>): Promise<Part> {
  const disposals: (() => void)[] = [];
  try {
    return await makings.run(disposals, make);
  } catch (error) {
    for (const dispose of disposals) dispose();
    throw error;
  }
}
