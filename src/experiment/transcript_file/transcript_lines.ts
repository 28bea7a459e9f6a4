import { defined } from "../../budget/defined.ts";
import type { JarSampling, RunConfig } from "../config.ts";
import type { RunEvent } from "../events.ts";
import { promptFileOf } from "../prompts/built_in.ts";
import { TRANSCRIPT_SCHEMA, type TranscriptLine } from "../transcript.ts";

/** A run's first line: what it can be repeated with. */
export function startLine(config: RunConfig): TranscriptLine {
  const { mode, turns, sampling, promptFormat, jars, version } = config;
  const samplings = otherSamplings(config);
  const subjects = jars.filter(({ demand }) => demand.role === "subject").length;
  return {
    event: "start",
    schema: TRANSCRIPT_SCHEMA,
    ...defined({ version }),
    mode,
    ...defined({ turns }),
    sampling,
    ...defined({ promptFormat }),
    jars: jars.map(({ demand, options: { contextSize }, prompt: own }) => {
      const { id, role, model, ramLimitBytes } = demand;
      const prompt = promptFileOf({ role, prompt: own }, subjects);
      const differing = defined({ ramLimitBytes, sampling: samplings[id] });
      return { id, role, model, contextSize, ...differing, prompt };
    }),
  };
}

/** How each jar's thoughts are sampled where that isn't the run's way, by jar. */
export function otherSamplings(
  { jars, sampling }: RunConfig,
): Readonly<Record<string, JarSampling>> {
  return Object.fromEntries(jars.flatMap(({ demand: { id }, sampling: own = {} }) => {
    const { maxTokens, temperature, topP } = own;
    const other = defined({
      maxTokens: maxTokens === sampling.maxTokens ? undefined : maxTokens,
      temperature: temperature === sampling.temperature ? undefined : temperature,
      topP: topP === sampling.topP ? undefined : topP,
    });
    return Object.keys(other).length > 0 ? [[id, other]] : [];
  }));
}

/**
 * What of an event goes into a transcript: what was thought, to which prompt, by whom, who died of
 * what, and what a person did. Memory, durations and warnings stay out: but for each line's time, the
 * lines that say what was measured (`validation`, `memory`) and what a person did, the same seed, model
 * and flags give the same transcript.
 *
 * @param validationLine makes the line of the first event; without it there is none
 * @returns `undefined` for an event that leaves no line.
 *
 * @example
 * ```ts
 * import { transcriptLine } from "./transcript_lines.ts";
 * const note = { event: "note", id: "observer", role: "observer", turn: 1, text: "It dreams." } as const;
 * if (transcriptLine(note)?.text !== "It dreams.") throw new Error("Notes are kept");
 * ```
 */
export function transcriptLine(
  event: RunEvent,
  validationLine?: (event: RunEvent) => TranscriptLine,
): TranscriptLine | undefined {
  switch (event.event) {
    case "validation":
      return validationLine?.(event);
    case "thought": {
      const { milliseconds: _, ...kept } = event;
      return kept;
    }
    case "note":
    case "whisper":
    case "prompt":
    case "paused":
    case "resumed":
      return { ...event };
    case "allocated": {
      const { event: name, id, role, turn } = event;
      return { event: name, id, role, turn };
    }
    case "loaded": {
      const { event: name, id, role, turn, model, contextSize } = event;
      return { event: name, id, role, turn, model, contextSize };
    }
    case "death": {
      const { event: name, id, role, turn, cause, pool, message, deaths, detail } = event;
      const { milliseconds: _, ...life } = event.life;
      const died = { event: name, id, role, turn, cause, message, deaths, life };
      return { ...died, ...defined({ pool, detail }) };
    }
    case "resurrection": {
      const { event: name, id, role, turn, deaths, cause, message } = event;
      return { event: name, id, role, turn, deaths, cause, message };
    }
    case "end": {
      const { event: name, reason, exitCode, seed, turns, thoughts, tokens, deaths } = event;
      const { resurrections } = event;
      return {
        event: name,
        reason,
        exitCode,
        seed,
        turns,
        thoughts,
        tokens,
        deaths,
        resurrections,
      };
    }
    case "warning":
      return undefined;
  }
}
