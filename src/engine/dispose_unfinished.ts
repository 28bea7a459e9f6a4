import { AsyncLocalStorage } from "node:async_hooks";
import { type Parent, whenPartIsMade } from "./patches.ts";

/** What disposes the parts that are being made, each kept by the making it belongs to. */
const makings = new AsyncLocalStorage<(() => void)[]>();

/**
 * Has `makeOrDispose` know what is made from `parent`: an engine's models, or a model's contexts.
 */
export function disposeUnfinished(parent: Parent): void {
  whenPartIsMade(parent, (dispose) => makings.getStore()?.push(dispose));
}

/** Makes a part and, where that fails or is aborted, disposes what was made of it. */
export async function makeOrDispose<Part>(make: () => Promise<Part>): Promise<Part> {
  const disposals: (() => void)[] = [];
  try {
    return await makings.run(disposals, make);
  } catch (error) {
    for (const dispose of disposals) dispose();
    throw error;
  }
}
