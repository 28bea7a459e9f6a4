import type { MemoryBudgetManager } from "../budget/manager.ts";
import type { Policy } from "../budget/policy.ts";
import type { PromptFormat } from "../engine/engine.ts";
import type { Clock } from "./clock.ts";
import type { Sampling } from "./config.ts";
import type { EndEvent, RunEvent } from "./events.ts";
import type { RunLimits } from "./limits.ts";
import type { ModelPool } from "./jar/model_pool.ts";
import type { MemoryView } from "./memory/memory_view.ts";
import type { Pause } from "./pause.ts";
import type { ReservationLedger } from "./memory/reservation_ledger.ts";

/** What the jars of one run share. */
export interface RunState {
  readonly manager: MemoryBudgetManager;
  readonly policy: Policy;
  readonly models: ModelPool;
  readonly memory: MemoryView;
  /** Devices on which a model was loaded: the engine's own context stays there. */
  readonly usedDevices: Set<string>;
  readonly ledger: ReservationLedger;
  readonly clock: Clock;
  readonly limits: RunLimits;
  readonly sampling: Sampling;
  readonly promptFormat: PromptFormat;
  /** Fires when the run is to stop. */
  readonly stop: AbortSignal;
  /** When it fired, by the clock. */
  readonly stoppedAt: () => number | undefined;
  readonly emit: (event: Exclude<RunEvent, EndEvent>) => void;
  /** A person may keep thoughts from beginning. */
  readonly pause: Pause;
  /** Resolves when what was told is read. */
  readonly heard: () => Promise<void>;
  readonly onText: (id: string, text: string) => void;
  /** The turn that the run is in, 0 before the first. */
  turn: number;
}
