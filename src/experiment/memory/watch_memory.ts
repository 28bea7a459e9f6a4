import { lineOf } from "../../budget/error.ts";
import { PRESSURE_WARNING_PERCENT } from "../../budget/validate.ts";
import type { Jar } from "../jar/jar.ts";
import { isShort, judgeMemory, missingDevices } from "./judge_memory.ts";
import { seeMemory, unfilledOn } from "./on_devices.ts";
import type { RunState } from "../run_state.ts";

/** What the watch looks at, and may ask to die. */
export interface WatchedJar extends Pick<Jar, "config" | "isHere" | "kill"> {
  readonly state: Pick<Jar["state"], "kind">;
}

/**
 * Looks at memory every second, and more often where it is short, until `done` fires, and asks a jar
 * to die before the kernel picks one. Never rejects: a figure that can't be read is a warning, said
 * once until it can be again.
 *
 * @param options `looked` is called after each look
 */
export async function watchMemory(
  jars: readonly WatchedJar[],
  run: RunState,
  { done, looked }: { readonly done: AbortSignal; readonly looked: () => void },
): Promise<void> {
  const said = new Set<string>();
  const warn = (code: string, message: string | undefined) => {
    if (message === undefined) said.delete(code);
    else if (!said.has(code)) {
      said.add(code);
      run.emit({ event: "warning", turn: run.turn, code, message });
    }
  };
  const { clock, limits, memory, policy } = run;
  // What a death frees has a second to show before another jar has to go.
  let hasKilled = false;
  let missed: ReadonlySet<string> = new Set();
  while (!done.aborted) {
    const isUrgent = isShort(memory.current, unfilledOn(run)) && !hasKilled;
    hasKilled = false;
    await clock.sleep(isUrgent ? limits.shortWatchMilliseconds : limits.watchMilliseconds, done);
    if (done.aborted) return;
    const failure = await look().then(
      () => undefined,
      (error) => `Memory can't be watched: ${lineOf(error)}`,
    );
    warn("memory-unreadable", failure);
    if (failure === undefined) looked();
  }

  async function look(): Promise<void> {
    seeMemory(run, await memory.refresh());
    const sample = {
      memory: memory.current,
      ownAnonymousBytes: await memory.ownAnonymousBytes(),
      unfilledOn: unfilledOn(run),
      missedBefore: missed,
    };
    const pressure = sample.memory.pressure?.someAverage10 ?? 0;
    warn(
      "memory-pressure",
      pressure > PRESSURE_WARNING_PERCENT
        ? `Memory pressure: something waited for memory ${pressure.toFixed(0)}% of the time`
        : undefined,
    );
    // What a dying jar has is about to be free: nobody else has to go for it.
    if (done.aborted || jars.some((jar) => jar.state.kind === "dying")) return;
    // Those elsewhere are watched where they are.
    const living = jars.filter((jar) => jar.isHere && jar.state.kind === "alive");
    const demands = living.map((jar) => jar.config.demand);
    missed = missingDevices(sample.memory, demands);
    const victim = judgeMemory(sample, demands, policy.shareWeights);
    const jar = living.find(({ config }) => config.demand.id === victim?.id);
    if (victim === undefined) return;
    hasKilled = true;
    await jar?.kill(victim);
  }
}
