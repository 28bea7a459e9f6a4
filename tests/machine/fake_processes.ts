import type { Processes, ProcessState } from "../../src/machine/processes.ts";

/** A process that a test makes up. */
export interface FakeProcess {
  readonly startTime: string;
  readonly anonymousBytes?: number;
}

/** Processes, a clock and a boot that a test sets as it likes. */
export interface FakeProcesses extends Processes {
  clock: number;
  readonly running: Map<number, FakeProcess>;
}

/** Processes of a test: `ownId` runs, others are added to `running`. */
export function fakeProcesses(
  options: { ownId?: number; bootId?: string; namespace?: string; unknown?: Set<number> } = {},
): FakeProcesses {
  const { ownId = 1, bootId = "boot", namespace = "pid:[1]", unknown = new Set() } = options;
  const running = new Map<number, FakeProcess>([[ownId, { startTime: "10", anonymousBytes: 0 }]]);
  return {
    ownId,
    bootId,
    namespace,
    clock: 1_000_000,
    running,
    now() {
      return this.clock;
    },
    lookUp: (processId): ProcessState => {
      if (unknown.has(processId)) return { kind: "unknown" };
      const found = running.get(processId);
      return found ? { kind: "running", startTime: found.startTime } : { kind: "gone" };
    },
    anonymousBytes: (processId) => running.get(processId)?.anonymousBytes,
  };
}
