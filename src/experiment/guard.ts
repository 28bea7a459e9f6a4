import { PRESSURE_WARNING_PERCENT } from "../budget/validate.ts";
import { sentenceOf } from "./sentence.ts";
import type { Jar } from "./jar.ts";
import { judgeMemory } from "./watch.ts";
import type { World } from "./world.ts";

/**
 * Looks at memory every second until `done` fires, and asks a jar to die before the kernel picks
 * one. Never rejects: a figure that can't be read is a warning, said once until it can be again.
 */
export async function guardMemory(
  jars: readonly Jar[],
  world: World,
  done: AbortSignal,
): Promise<void> {
  const said = new Set<string>();
  const warn = (code: string, holds: boolean, message: () => string) => {
    if (!holds) said.delete(code);
    else if (!said.has(code)) {
      said.add(code);
      world.emit({ event: "warning", turn: world.turn, code, message: message() });
    }
  };
  const { clock, limits, memory, policy } = world;
  while (!done.aborted) {
    await clock.sleep(limits.watchMilliseconds, done);
    if (done.aborted) return;
    let failure: unknown;
    try {
      await look();
    } catch (error) {
      failure = error ?? new Error("Unknown");
    }
    warn(
      "memory-unreadable",
      failure !== undefined,
      () => `Memory can't be watched: ${sentenceOf(failure)}`,
    );
  }

  async function look(): Promise<void> {
    const sample = {
      memory: await memory.refresh(),
      ownAnonymousBytes: await memory.ownAnonymousBytes(),
    };
    const pressure = sample.memory.pressure?.someAverage10 ?? 0;
    warn(
      "memory-pressure",
      pressure > PRESSURE_WARNING_PERCENT,
      () => `Memory pressure: something waited for memory ${pressure.toFixed(0)}% of the time`,
    );
    // What a dying jar holds is about to be free: nobody else has to go for it.
    if (done.aborted || jars.some((jar) => jar.state.kind === "dying")) return;
    const living = jars.filter((jar) => jar.state.kind === "alive");
    const sentence = judgeMemory(sample, living.map((jar) => jar.config.demand), {
      limits,
      shareWeights: policy.shareWeights,
    });
    const victim = living.find((jar) => jar.id === sentence?.id);
    if (sentence) await victim?.kill(sentence.cause, sentence.detail);
  }
}
