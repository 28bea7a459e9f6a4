import type { LayersOnDevices, Role } from "../../budget/demand.ts";

/** What one jar asks a scheduler for, in a process of its own. All bytes whole. */
export interface PlannedRequest {
  readonly id: string;
  readonly role: Role;
  /** The name that people know its model by. */
  readonly model: string;
  /** Tokens. */
  readonly contextSize: number;
  /** Anonymous memory at its highest. */
  readonly floorBytes: number;
  /** The working set: what it uses where it has it. */
  readonly requestBytes: number;
  /** What each launcher that holds jars to a limit is asked for. */
  readonly limits: readonly { readonly launcher: string; readonly limitBytes: number }[];
  /** What it needs on devices. */
  readonly devices: readonly { readonly id: string; readonly bytes: number }[];
  /** Absent where no device computes. */
  readonly gpuLayers?: LayersOnDevices;
}

/** What jars in processes of their own ask for together. */
export interface PlannedRequests {
  readonly jars: readonly PlannedRequest[];
  /** What the run's own process holds, where no jar lives in it. */
  readonly coordinatorBytes: number;
}
