import process from "node:process";
import { createLogUpdate } from "log-update";
import type { Engine } from "../../engine/engine.ts";
import { type LiveState, renderLive } from "../live_line.ts";

/** A line on the terminal that shows what is going on and goes away when something is printed. */
export interface Live {
  show(state: LiveState): void;
  clear(): void;
  /** The engine, with its loads shown. */
  watch(engine: Engine): Engine;
}

/** Redraws at most so often: a terminal is slower than a small model. */
const REDRAW_MILLISECONDS = 50;

/** A live line on stderr, which must be a terminal. */
export function openLive(): Live {
  const draw = createLogUpdate(process.stderr, { showCursor: true });
  let drawnAt = -Infinity;
  const live: Live = {
    show: (state) => {
      const now = performance.now();
      if (now - drawnAt < REDRAW_MILLISECONDS) return;
      drawnAt = now;
      draw(renderLive(state, (process.stderr.columns ?? 80) - 1));
    },
    clear: () => {
      draw.clear();
      drawnAt = -Infinity;
    },
    watch: (engine) => ({
      dryLoad: (model, options) => engine.dryLoad(model, options),
      dispose: () => engine.dispose(),
      load: (model, options) =>
        engine.load(model, {
          ...options,
          onProgress: (fraction) => live.show({ kind: "loading", model, fraction }),
        }),
    }),
  };
  return live;
}
