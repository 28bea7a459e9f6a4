import { exitCode } from "../budget/exit_codes.ts";
import { MemoryBudgetManager } from "../budget/manager.ts";
import { type Refusal } from "./admission.ts";
import { sentenceOf } from "./sentence.ts";
import { rounded, settlesWithin } from "./clock.ts";
import type { RunConfig, RunDependencies } from "./config.ts";
import type { EndEvent, EndReason } from "./events.ts";
import { guardMemory } from "./guard.ts";
import { Jar } from "./jar.ts";
import { RUN_LIMITS } from "./limits.ts";
import { ModelPool } from "./models.ts";
import { freedInTime } from "./freed_memory.ts";
import { deallocateAll, promisesOfOne } from "./promises.ts";
import { isExpendable } from "./roles.ts";
import { Teller } from "./teller.ts";
import { takeTurns } from "./turns.ts";
import { MemoryView, type World } from "./world.ts";

/** How a run ended: its last event. */
export type RunResult = EndEvent;

interface Ending {
  readonly reason: EndReason;
  readonly exitCode: number;
}

/**
 * Runs the experiment from the first admission to the last byte given back (src/budget/README.md, "The run").
 *
 * Whatever happens, minds and models are disposed, every reservation is given back and the last
 * event is `end`; after a stop within 3 s, and what the engine holds on to is named in a warning.
 *
 * @throws Only what `emit` threw (a closed pipe), once everything is given back, and a
 * `BrainjarError` for a policy or a footprint that isn't one, before anything is loaded.
 *
 * @example
 * ```ts
 * import { runExperiment } from "./run.ts";
 * if (runExperiment.length !== 2) throw new Error("What to run, and the world to run it in");
 * ```
 */
export async function runExperiment(
  config: RunConfig,
  dependencies: RunDependencies,
): Promise<RunResult> {
  const { clock, engine } = dependencies;
  const began = clock.now();
  const teller = new Teller(config, dependencies);
  const memory = new MemoryView(
    config.validation.memory,
    dependencies.readMemory,
    dependencies.readOwnAnonymousBytes,
  );
  const world: World = {
    manager: new MemoryBudgetManager({
      policy: config.policy,
      readMemory: () => memory.current,
      totalBytes: config.validation.memory.totalBytes,
    }),
    policy: config.policy,
    models: new ModelPool(engine, config.policy.shareWeights),
    memory,
    promises: dependencies.promises ?? promisesOfOne(dependencies.readMemory),
    clock,
    limits: { ...RUN_LIMITS, ...config.limits },
    sampling: config.sampling,
    stop: teller.stop,
    stoppedAt: () => teller.stoppedAt,
    emit: (event) => teller.tell(event),
    onText: (id, text) => teller.hear(id, text),
    turn: 0,
  };
  const jars = config.jars.map((jar) => new Jar(jar, world));
  let ending: Ending;
  let failure: { readonly error: unknown } | undefined;
  try {
    teller.begin();
    ending = await live(config, jars, world);
  } catch (error) {
    // Nothing in a run throws on purpose; whatever did, the memory goes back first.
    failure = { error };
    ending = { reason: "failed", exitCode: exitCode("engine") };
  }
  const returned = await giveBack(jars, world);
  const end: EndEvent = {
    event: "end",
    ...ending,
    seed: config.sampling.seed,
    turns: world.turn,
    ...teller.counts,
    milliseconds: rounded(clock.now() - began),
    ...returned,
  };
  teller.tell(end);
  teller.close();
  failure ??= teller.failure;
  if (failure) throw failure.error;
  return end;
}

/** From the first admission to the last thought. */
async function live(config: RunConfig, jars: readonly Jar[], world: World): Promise<Ending> {
  const { stop, clock, limits } = world;
  const refused = await admitAll(config, jars, world);
  if (stop.aborted) return stoppedBy(stop.reason);
  if (refused) return refused;

  const done = new AbortController();
  const guard = guardMemory(jars, world, done.signal);
  try {
    const reason = await takeTurns(jars, world, config.turns);
    if (reason === "stopped") return stoppedBy(stop.reason);
    if (reason === "turns") return { reason, exitCode: exitCode("success") };
    // Given up for the engine's failures, or kept out by layers 2 and 3.
    const isGivenUp = jars.every(({ state }) => state.kind === "gone");
    return { reason, exitCode: exitCode(isGivenUp ? "engine" : "refused") };
  } finally {
    done.abort();
    await settlesWithin(guard, limits.hurriedDisposalMilliseconds, clock);
  }
}

/** All jars, before the first thought; an ending where one is refused that is needed. */
async function admitAll(
  { validation, allowPartial }: RunConfig,
  jars: readonly Jar[],
  world: World,
): Promise<Ending | undefined> {
  const canDoWithout = (jar: Jar) => allowPartial && isExpendable(jar.role);
  // Layers 2 and 3 find out who of them fits.
  if (!validation.ok && !jars.some(canDoWithout)) return refusedBy("refused");
  for (const jar of jars) {
    if (world.stop.aborted) return undefined;
    const refusal = await jar.enter();
    if (!refusal) continue;
    if (!canDoWithout(jar)) return refusedBy(refusal.blame);
  }
  return undefined;
}

function refusedBy(blame: Refusal["blame"]): Ending {
  return { reason: blame === "refused" ? "refused" : "failed", exitCode: exitCode(blame) };
}

function stoppedBy(reason: unknown): Ending {
  switch (reason) {
    case "SIGTERM":
      return { reason: "stopped", exitCode: exitCode("SIGTERM") };
    case "SIGPIPE":
      // Whoever read the answer had all of it that was wanted.
      return { reason: "stopped", exitCode: exitCode("success") };
    default:
      return { reason: "stopped", exitCode: exitCode("SIGINT") };
  }
}

/** Contexts and models, then the report of what was held, then the reservations. */
async function giveBack(jars: readonly Jar[], world: World) {
  const { manager, memory } = world;
  const reached = jars.some((jar) => jar.state.kind !== "unborn");
  const warn = (code: string, message: string) =>
    world.emit({ event: "warning", turn: world.turn, code, message });
  const closing = jars.map((jar) =>
    jar.close().catch((error) => warn("dispose-failed", sentenceOf(error)))
  );
  if (!await freedInTime(Promise.all(closing), world)) {
    warn("engine-unsettled", "The engine still holds memory; it goes back when brainjar ends");
  }
  // An old figure is good enough for a report.
  await settlesWithin(memory.refresh(), world.limits.hurriedDisposalMilliseconds, world.clock);
  const report = reached ? { allocationReport: manager.getAllocationReport() } : {};
  const heldBytes = manager.reservedBytes;
  await deallocateAll(world, jars.map((jar) => jar.id));
  const { reservedBytes } = manager;
  return { ...report, givenBackBytes: heldBytes - reservedBytes, reservedBytes };
}
