import type { Engine } from "./engine.ts";

/**
 * An engine that is opened when it is first asked for something: what is refused before the first
 * load never waits for one.
 *
 * @example
 * ```ts
 * import { lazyEngine } from "./lazy.ts";
 * const engine = lazyEngine(() => Promise.reject(new Error("Never opened")));
 * await engine.dispose();
 * ```
 */
export function lazyEngine(open: () => Promise<Engine>): Engine {
  let opened: Promise<Engine> | undefined;
  const engine = () => opened ??= open();
  return {
    dryLoad: async (model, options) => await (await engine()).dryLoad(model, options),
    load: async (model, options) => await (await engine()).load(model, options),
    dispose: async () => {
      // A failed opening was told where it was asked for.
      await opened?.then((engine) => engine.dispose(), () => {});
    },
  };
}
