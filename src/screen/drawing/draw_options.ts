import type { KeyBinding } from "../keys.ts";
import type { ScreenState } from "../screen_state.ts";

/** A terminal's size in cells. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What is drawn besides the run. */
export interface DrawOptions {
  readonly state: ScreenState;
  readonly keys: readonly KeyBinding[];
  /** The whole validation, as `check` prints it; empty before there is one. */
  readonly report: string;
  /** Where the run's page is, with what its buttons need; absent where there is none. */
  readonly pageUrl?: string;
  /** How fast a transcript is played; absent where a run goes on. */
  readonly speed?: number;
}
