import type { RunEvent } from "../../src/experiment/events.ts";
import type { TranscriptLine } from "../../src/experiment/transcript.ts";
import { play, type StageOptions } from "../experiment/stage.ts";
import { type FakeChild, fakeChild, type FakeChildOptions, fakePlace } from "./fake_child.ts";

export type Children = Map<string, FakeChild[]>;

export interface ApartOptions extends StageOptions {
  /** How the `count`th process of a jar is. */
  readonly child?: (id: string, count: number) => Omit<FakeChildOptions, "clock">;
  /** Jars that live in the run's own process. */
  readonly here?: readonly string[];
  readonly start?: Parameters<typeof fakePlace>[2];
  readonly onTold?: (event: RunEvent, children: Children) => void;
}

/** Plays with each jar in a fake process. */
export async function playApart(
  { child = () => ({}), start, onTold, here = [], ...options }: ApartOptions = {},
) {
  const children: Children = new Map();
  const avoided: (string | undefined)[] = [];
  const played = await play({
    ...options,
    onEvent: (event, stop) => {
      options.onEvent?.(event, stop);
      onTold?.(event, children);
    },
    placeOf: (clock) => (config, run, jar) => {
      const { id } = config.demand;
      if (here.includes(id)) return undefined;
      return fakePlace([config, run, jar], (avoid) => {
        avoided.push(avoid);
        const own = children.get(id) ?? [];
        children.set(id, own);
        const one = fakeChild({
          engine: options.engine ?? {},
          ...child(id, own.length + 1),
          clock,
        });
        own.push(one);
        return one;
      }, start);
    },
  });
  return { ...played, children, avoided };
}

/** What isn't measured. */
export function told(lines: readonly TranscriptLine[]): TranscriptLine[] {
  return lines.filter(({ event }) => event !== "validation" && event !== "memory");
}
