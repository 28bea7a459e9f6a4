import { GB, MB } from "../../src/budget/size.ts";
import type { MemorySample } from "../../src/experiment/memory/memory_sample.ts";
import type { ViewEvent } from "../../src/view/view_event.ts";
import { CONTEXT_BYTES, MODEL_BYTES, play, type StageOptions } from "../experiment/stage.ts";

/** An event and its moment, in milliseconds since the run began. */
export type Heard = readonly [event: ViewEvent, at: number];

/** What memory looks like with so many jars alive. */
export function sample(
  turn: number,
  ids: readonly string[],
  alive: readonly string[],
): MemorySample {
  const reservedBytes = MODEL_BYTES + CONTEXT_BYTES;
  return {
    event: "memory",
    turn,
    pools: [{
      id: "ram",
      kind: "ram",
      totalBytes: 16 * GB,
      freeBytes: 15 * GB - MODEL_BYTES - alive.length * CONTEXT_BYTES,
      reservedBytes: MODEL_BYTES + alive.length * CONTEXT_BYTES,
      leastBytes: 500 * MB,
    }],
    jars: ids.map((id) => ({
      id,
      pools: [{
        id: "ram",
        reservedBytes: alive.includes(id) ? reservedBytes : 0,
        residentBytes: alive.includes(id) ? MODEL_BYTES + CONTEXT_BYTES / 2 : 0,
      }],
    })),
    shared: [{ model: "demo.gguf", ids, bytes: MODEL_BYTES }],
    pressurePercent: 0,
    next: {
      id: ids.at(-1) ?? "",
      why: "least important, if under 0.49 GB is available (now 18.20 GB)",
    },
  };
}

/**
 * What viewers hear of a run on the fake engine, a second between two events: three jars, whose
 * contexts of 64 tokens fill, so that each dies and comes back.
 */
export async function sampleRun(options: StageOptions = {}): Promise<readonly Heard[]> {
  const { events } = await play({ turns: 8, contextSize: 64, ...options });
  const heard: Heard[] = [];
  const alive = new Set<string>();
  let at = 0;
  for (const event of events) {
    at += 1000;
    if (event.event === "loaded" || event.event === "resurrection") alive.add(event.id);
    if (event.event === "death") alive.delete(event.id);
    if (event.event === "thought") {
      for (const text of event.text.split(/(?<= )/)) {
        heard.push([{ event: "text", id: event.id, text }, at]);
      }
    }
    heard.push([event, at]);
    if ("id" in event) {
      heard.push([
        sample("turn" in event ? event.turn ?? 0 : 0, ["subject", "observer", "god"], [...alive]),
        at,
      ]);
    }
  }
  return heard;
}
