import type { AllocationApproval, AllocationRefusal } from "../../budget/allocation.ts";
import type { ErrorKind } from "../../budget/error.ts";
import type { PreflightResult } from "../../budget/preflight.ts";
import type { Mind } from "../../engine/engine.ts";
import type { JarEvent, WarningEvent } from "../events.ts";
import type { Death } from "./death_cause.ts";

/** What layers 2 and 3 said of a jar that they let in. */
export interface Figures {
  readonly allocation: AllocationApproval;
  readonly preflight: PreflightResult;
  /** Whose memory they judged; absent where that is the run's own process. */
  readonly where?: StartedAt;
}

/** What started a jar's process, and where that is, if it isn't the run's own machine and job. */
export interface StartedAt extends Partial<Whereabouts> {
  readonly launcher: string;
}

/** Layer 2's figures and layer 3's answer, as events tell them. */
export function figuresOf({ allocation, preflight, where }: Figures) {
  const { allocatedBytes, totalBytes, usableBytes, remainingBytes, pools } = allocation;
  return { allocatedBytes, totalBytes, usableBytes, remainingBytes, pools, preflight, ...where };
}

/** Why a jar was not let in. Nothing of it is left: no reservation, no model, no context. */
export interface Refusal {
  readonly kind: "refused";
  /** `over-limit`, `allocation-refused`, `load-refused`, `memory-unreadable`, or the engine's own code. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** Who is to blame: decides the exit code. */
  readonly blame: ErrorKind;
  readonly allocation?: { readonly ok: false; readonly id: string } & AllocationRefusal;
  readonly preflight?: PreflightResult;
  /** Where it was refused; absent where that is the run's own process. */
  readonly where?: StartedAt;
  /** Nobody refused it: its process ended meanwhile, which is a death like any other. */
  readonly death?: Death;
}

/** The run was stopped meanwhile; `rest` resolves when nothing is left of it. */
export interface Aborted {
  readonly kind: "aborted";
  readonly rest: Promise<void>;
}

/** A machine, and what a scheduler calls what it started there. */
export interface Whereabouts {
  readonly host: string;
  readonly job?: string;
}

/** What became of a jar that asked to be let in. */
export type Entrance =
  | {
    readonly kind: "admitted";
    readonly approval: Figures;
    readonly mind: Mind;
    /** Whether its model was in memory already. */
    readonly shared: boolean;
    readonly milliseconds: number;
  }
  | Refusal
  | Aborted;

/** A refusal as it is told to people. */
export function warningOf(refusal: Refusal): Omit<WarningEvent, keyof JarEvent> {
  const { kind: _, blame: __, death: ___, where, ...told } = refusal;
  return { event: "warning", ...told, ...where };
}
