import { MemoryBudgetManager } from "../budget/manager.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { defined } from "../budget/defined.ts";
import { BrainjarError } from "../budget/error.ts";
import type { Engine } from "../engine/engine.ts";
import type { Clock } from "../experiment/clock.ts";
import type { JarConfig } from "../experiment/config.ts";
import { ModelPool } from "../experiment/jar/model_pool.ts";
import { ThisProcess } from "../experiment/jar/this_process.ts";
import { RUN_LIMITS } from "../experiment/limits.ts";
import { MemoryView } from "../experiment/memory/memory_view.ts";
import type { ReservationLedger } from "../experiment/memory/reservation_ledger.ts";
import { Pause } from "../experiment/pause.ts";
import type { RunState } from "../experiment/run_state.ts";
import type { JarAnswer } from "../report/schema/jar.ts";
import type { JarLoad, OpenedJar } from "./serve_jar.ts";

/** What a jar's process has of its machine. */
export interface JarMachine {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly readMemory: () => Promise<MachineMemory>;
  readonly readOwnAnonymousBytes: () => number | Promise<number>;
  readonly ledger: ReservationLedger;
  /** Looks at a file; throws where it isn't there. */
  readonly stat: (path: string) => Promise<Pick<Deno.FileInfo, "isFile">>;
  /** How this machine is called. */
  readonly host: string;
  readonly stop: AbortSignal;
  readonly answer: (answer: JarAnswer) => void;
}

/**
 * A run of one jar in this process. What isn't there of its model's files is said before anything is
 * read or loaded.
 *
 * @throws {BrainjarError} `model-not-found`, and what reading this machine's memory throws
 */
export async function openJar(load: JarLoad, machine: JarMachine): Promise<OpenedJar> {
  const { demand, options, files, sparse, policy, promptFormat } = load;
  const { clock, engine, ledger, readMemory, stop, answer } = machine;
  for (const { path } of files) await checkIsThere(path, machine);
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

async function checkIsThere(
  path: string,
  { stat, host }: Pick<JarMachine, "stat" | "host">,
): Promise<void> {
  try {
    if ((await stat(path)).isFile) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unreadable(path, host, error);
  }
  throw new BrainjarError("model-not-found", `Model file not found on ${host}: ${path}`, {
    hint: "Put it there under the same path, or have the launcher start the jar where it is",
  });
}

function unreadable(path: string, host: string, cause: unknown): BrainjarError {
  return new BrainjarError("model-unreadable", `Model file can't be read on ${host}: ${path}`, {
    hint: "Check who may read it and the folders that it lies in",
    cause,
  });
}
