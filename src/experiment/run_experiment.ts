import { lineOf } from "../budget/error.ts";
import { exitCode, stoppedExitCode } from "../budget/exit_codes.ts";
import { MemoryBudgetManager } from "../budget/manager.ts";
import { bytesIn, figuresOfRam } from "../budget/pools/pools.ts";
import type { PoolDeallocation } from "../budget/allocation.ts";
import { sum } from "../budget/sum.ts";
import type { Refusal } from "./jar/entrance.ts";
import { rounded, settlesBefore, settlesWithin } from "./clock.ts";
import type { RunConfig, RunDependencies } from "./config.ts";
import type { EndEvent, EndReason, RunEvent } from "./events.ts";
import { renewReservations } from "./memory/renew_reservations.ts";
import { MemorySamples } from "./memory/memory_samples.ts";
import type { MemorySample } from "./memory/memory_sample.ts";
import { sampleMemory } from "./memory/sample_memory.ts";
import { watchMemory } from "./memory/watch_memory.ts";
import { Jar } from "./jar/jar.ts";
import { RUN_LIMITS } from "./limits.ts";
import { processReports, withProcesses } from "./jar/seen_process.ts";
import { ModelPool } from "./jar/model_pool.ts";
import { freedInTime } from "./freed_in_time.ts";
import { withoutLedger } from "./memory/reservation_ledger.ts";
import { deallocateAll } from "./memory/reservations.ts";
import { isExpendable } from "./roles.ts";
import { Hand } from "./hand.ts";
import { Messages } from "./messages.ts";
import { Pause } from "./pause.ts";
import { EventEmitter } from "./event_emitter.ts";
import { takeTurns } from "./turns.ts";
import { MemoryView } from "./memory/memory_view.ts";
import type { RunState } from "./run_state.ts";

interface Ending {
  readonly reason: EndReason;
  readonly exitCode: number;
}

/** Who lives, and what they say. */
interface Lives {
  readonly jars: readonly Jar[];
  readonly messages: Messages;
  readonly run: RunState;
  /** Called after each look at memory. */
  readonly looked: () => void;
}

/** Events after which memory isn't what it was. */
const CHANGES_MEMORY: ReadonlySet<RunEvent["event"]> = new Set([
  "allocated",
  "loaded",
  "thought",
  "death",
  "resurrection",
]);

/**
 * Runs the experiment from the first admission to the last byte given back (src/budget/README.md, "The run").
 *
 * Whatever happens, minds and models are disposed, every reservation is given back and the last
 * event is `end`; after a stop within 3 s, and what the engine holds on to is named in a warning.
 *
 * @returns How it ended: the last event.
 * @throws Only what `emit` threw (a closed pipe), once everything is given back, and a
 * `BrainjarError` for a policy or a footprint that isn't one, before anything is loaded.
 */
export async function runExperiment(
  config: RunConfig,
  dependencies: RunDependencies,
): Promise<EndEvent> {
  const { clock, engine } = dependencies;
  const began = clock.now();
  const emitter = new EventEmitter(config, dependencies);
  const memory = new MemoryView(
    config.validation.memory,
    dependencies.readMemory,
    dependencies.readOwnAnonymousBytes,
  );
  const run: RunState = {
    manager: new MemoryBudgetManager({
      policy: config.policy,
      readMemory: () => memory.current,
      totalBytes: config.validation.memory.totalBytes,
    }),
    policy: config.policy,
    models: new ModelPool(engine, config.policy.shareWeights),
    memory,
    usedDevices: new Set(),
    ledger: dependencies.ledger ?? withoutLedger(dependencies.readMemory),
    clock,
    limits: { ...RUN_LIMITS, ...config.limits },
    sampling: config.sampling,
    promptFormat: config.promptFormat ?? "auto",
    stop: emitter.stop,
    stoppedAt: () => emitter.stoppedAt,
    emit: (event) => {
      emitter.emit(event);
      if (CHANGES_MEMORY.has(event.event)) samples.changed();
    },
    pause: new Pause(),
    heard: dependencies.heard ?? (() => Promise.resolve()),
    onText: (id, text) => emitter.emitText(id, text),
    turn: 0,
  };
  const jars = config.jars.map((jar) => new Jar(jar, run, dependencies.placeOf));
  const done = new AbortController();
  const tell = emitter.hearsMemory
    ? (sample: MemorySample) => emitter.emitMemory(sample)
    : undefined;
  const samples = new MemorySamples({ jars, run, tell, done: done.signal });
  const messages = new Messages();
  dependencies.onHand?.(new Hand({ jars, run, messages, done: done.signal }));
  const renewing = renewReservations(run, done.signal);
  let ending: Ending;
  let failure: { readonly error: unknown } | undefined;
  try {
    emitter.begin();
    ending = await live(config, { jars, messages, run, looked: () => samples.changed() });
  } catch (error) {
    // Nothing in a run throws on purpose; whatever did, the memory goes back first.
    failure = { error };
    ending = { reason: "failed", exitCode: exitCode("engine") };
  }
  done.abort();
  await settlesWithin(renewing, run.limits.hurriedDisposalMilliseconds, clock);
  // What processes held is told nowhere else; their next vital signs would be too late.
  if (config.validation.places !== undefined) tell?.(sampleMemory(jars, run));
  const returned = await giveBack(config, jars, run);
  const end = emitter.end({
    event: "end",
    ...ending,
    seed: config.sampling.seed,
    turns: run.turn,
    ...emitter.counts,
    milliseconds: rounded(clock.now() - began),
    ...returned,
  });
  emitter.close();
  failure ??= emitter.failure;
  if (failure) throw failure.error;
  return end;
}

/** From the first admission to the last thought. */
async function live(config: RunConfig, { jars, messages, run, looked }: Lives): Promise<Ending> {
  const { stop, clock, limits } = run;
  const admitted = new AbortController();
  const looking = lookMeanwhile(jars, run, { done: admitted.signal, looked });
  const refused = await admitAll(config, jars, run);
  admitted.abort();
  await looking;
  if (stop.aborted) return stoppedBy(stop.reason);
  if (refused) return refused;

  const done = new AbortController();
  const watching = watchMemory(jars, run, { done: done.signal, looked });
  try {
    const reason = await takeTurns(jars, messages, { run, turns: config.turns });
    if (reason === "stopped") return stoppedBy(stop.reason);
    if (reason === "turns") return { reason, exitCode: exitCode("success") };
    // Given up for the engine's failures, or kept out by layers 2 and 3.
    const isGivenUp = jars.every(({ state }) => state.kind === "gone");
    return { reason, exitCode: exitCode(isGivenUp ? "engine" : "refused") };
  } finally {
    done.abort();
    await settlesWithin(watching, limits.hurriedDisposalMilliseconds, clock);
  }
}

/**
 * Jars elsewhere live while others are still waited for, in a queue that may be long: what they hold is
 * told meanwhile. Never rejects.
 */
async function lookMeanwhile(
  jars: readonly Jar[],
  run: RunState,
  { done, looked }: { readonly done: AbortSignal; readonly looked: () => void },
): Promise<void> {
  if (jars.every(({ isHere }) => isHere)) return;
  const { clock, limits, memory } = run;
  while (!done.aborted) {
    await clock.sleep(limits.watchMilliseconds, done);
    if (done.aborted) return;
    // What can't be read is told once the watch begins.
    await memory.refresh().catch(() => {});
    looked();
  }
}

/** All jars, before the first thought; an ending where one is refused that is needed. */
async function admitAll(
  { validation, allowPartial }: RunConfig,
  jars: readonly Jar[],
  run: RunState,
): Promise<Ending | undefined> {
  const canDoWithout = (jar: Jar) => allowPartial && isExpendable(jar.role);
  // Layers 2 and 3 find out who of them fits.
  if (!validation.ok && !jars.some(canDoWithout)) return refusedBy("refused");
  const missing = await prepareAll(jars, run.stop, canDoWithout);
  for (const jar of missing ? [missing] : jars) {
    if (run.stop.aborted) return undefined;
    const refusal = await jar.enter();
    if (!refusal) continue;
    if (!canDoWithout(jar)) return refusedBy(refusal.blame);
  }
  return undefined;
}

/**
 * Whatever has to be started elsewhere stands in its queue together, and is waited for together; answers
 * a jar that can't be done without and won't be there, as soon as there is one.
 */
async function prepareAll(
  jars: readonly Jar[],
  stop: AbortSignal,
  canDoWithout: (jar: Jar) => boolean,
): Promise<Jar | undefined> {
  const missing = Promise.withResolvers<Jar | undefined>();
  const preparing = jars.map(async (jar) => {
    if (!await jar.prepare() && !canDoWithout(jar)) missing.resolve(jar);
  });
  Promise.all(preparing).then(() => missing.resolve(undefined));
  return await settlesBefore(missing.promise, stop) ? await missing.promise : undefined;
}

function refusedBy(blame: Refusal["blame"]): Ending {
  return { reason: blame === "refused" ? "refused" : "failed", exitCode: exitCode(blame) };
}

function stoppedBy(reason: unknown): Ending {
  // What stopped it is what a listener threw: nobody asked for that.
  if (reason instanceof Error) return { reason: "failed", exitCode: exitCode("engine") };
  return { reason: "stopped", exitCode: stoppedExitCode(reason) };
}

/** Contexts and models, then the report of what was reserved, then the reservations. */
async function giveBack({ validation }: RunConfig, jars: readonly Jar[], run: RunState) {
  const { manager, memory } = run;
  const reached = jars.some((jar) => jar.state.kind !== "unborn");
  const warn = (code: string, message: string) =>
    run.emit({ event: "warning", turn: run.turn, code, message });
  const elsewhere: PoolDeallocation[] = [];
  const processes = processReports(
    validation.places ?? [],
    jars.flatMap(({ id, sampled }) => sampled === undefined ? [] : [{ id, ...sampled }]),
  );
  const closing = jars.map((jar) =>
    jar.close().then(
      (given) => void elsewhere.push(...given),
      (error) => warn("dispose-failed", lineOf(error)),
    )
  );
  if (!await freedInTime(Promise.all(closing), run)) {
    warn("engine-unsettled", "The engine still holds memory; it goes back when brainjar ends");
  }
  // An old figure is good enough for a report.
  await settlesWithin(memory.refresh(), run.limits.hurriedDisposalMilliseconds, run.clock);
  const report = reached
    ? {
      allocationReport: withProcesses(manager.getAllocationReport(), processes),
      ...processes.length > 0 && { processes },
    }
    : {};
  const before = manager.reserved;
  await deallocateAll(run, jars.map((jar) => jar.id));
  const ids = new Set([...before, ...elsewhere].map(({ id }) => id));
  const pools = [...ids].map((id) => {
    const reservedBytes = bytesIn(id, manager.reserved);
    const there = elsewhere.filter((one) => one.id === id);
    return {
      id,
      givenBackBytes: bytesIn(id, before) - reservedBytes +
        sum(there.map((one) => one.givenBackBytes)),
      reservedBytes: reservedBytes + sum(there.map((one) => one.totalBytes)),
    };
  });
  return { ...report, ...figuresOfRam(pools), pools };
}
