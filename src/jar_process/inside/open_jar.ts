import { MemoryBudgetManager } from "../../budget/manager.ts";
import type { MachineMemory } from "../../budget/memory.ts";
import { defined } from "../../budget/defined.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Clock } from "../../experiment/clock.ts";
import type { JarConfig } from "../../experiment/config.ts";
import { ModelPool } from "../../experiment/jar/model_pool.ts";
import { ThisProcess } from "../../experiment/jar/this_process.ts";
import { RUN_LIMITS } from "../../experiment/limits.ts";
import { MemoryView } from "../../experiment/memory/memory_view.ts";
import type { ReservationLedger } from "../../experiment/memory/reservation_ledger.ts";
import { Pause } from "../../experiment/pause.ts";
import type { RunState } from "../../experiment/run_state.ts";
import type { JarAnswer } from "../../report/schema/jar.ts";
import type { JarLoad, OpenedJar } from "./serve_jar.ts";

/** What a jar's process has of its machine. */
export interface JarMachine {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly readMemory: () => Promise<MachineMemory>;
  readonly readOwnAnonymousBytes: () => number | Promise<number>;
  readonly ledger: ReservationLedger;
  readonly stop: AbortSignal;
  readonly answer: (answer: JarAnswer) => void;
}

/** A run of one jar in this process. Throws what reading this machine's memory throws. */
export async function openJar(load: JarLoad, machine: JarMachine): Promise<OpenedJar> {
  const { demand, options, files, sparse, policy, promptFormat } = load;
  const { clock, engine, ledger, readMemory, stop, answer } = machine;
  const first = await readMemory();
  const memory = new MemoryView(first, readMemory, machine.readOwnAnonymousBytes);
  let stoppedAt: number | undefined;
  stop.addEventListener("abort", () => stoppedAt ??= clock.now());
  const run: RunState = {
    manager: new MemoryBudgetManager({
      policy,
      readMemory: () => memory.current,
      totalBytes: first.totalBytes,
    }),
    policy,
    models: new ModelPool(tellingLoads(engine, answer), policy.shareWeights),
    memory,
    usedDevices: new Set(),
    ledger,
    clock,
    limits: { ...RUN_LIMITS, ...load.limits },
    // Each thought is asked for with its own.
    sampling: { maxTokens: 0, temperature: 0, topP: 1, seed: 0 },
    promptFormat,
    stop,
    stoppedAt: () => stoppedAt,
    emit: (event) => {
      if (event.event !== "warning") return;
      const { code, message, hint } = event;
      answer({ answer: "warning", code, message, ...defined({ hint }) });
    },
    pause: new Pause(),
    heard: () => Promise.resolve(),
    onText: () => {},
    turn: 0,
  };
  const config: JarConfig = { demand, options, files, ...defined({ sparse }) };
  return { config, run, place: new ThisProcess(config, run) };
}

/** The engine, with each of its loads told as it gets on. */
function tellingLoads(engine: Engine, answer: (answer: JarAnswer) => void): Engine {
  return {
    ...engine,
    load: (model, options) =>
      engine.load(model, {
        ...options,
        onProgress: (fraction) => {
          options.onProgress?.(fraction);
          answer({ answer: "loading", fraction });
        },
      }),
  };
}
