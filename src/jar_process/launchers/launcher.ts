import type { OffersCommand } from "./offers.ts";

/** What starts jars' processes: data, from which a command line is made. */
export interface Launcher {
  /** What `--launcher` calls it. */
  readonly name: string;
  /** One line for help, no full stop. */
  readonly summary: string;
  /**
   * Words of the command, with placeholders (`fillTemplate`). One that holds {gpus} is left out where
   * the jar needs no device, one that holds {avoid} where no machine is to be avoided; {command} and {words} alone become several.
   */
  readonly template: readonly string[];
  /** What stands after its name: the name of the word that it can't do without (`HOST`). */
  readonly operand?: string;
  /** Whether its jars take this machine's memory, which layer 1 then judges. */
  readonly isHere: boolean;
  /** Whether it holds a jar to a limit, and what its accounting adds to the floor, in bytes. */
  readonly limit?: { readonly addedBytes: number; readonly stepBytes: number };
  /** Whether it starts this very program, or one that is installed where it starts it. */
  readonly program: "own" | "installed";
  /** Whether its words go through a shell on the other side, which takes {command} as one line. */
  readonly isShell?: true;
  /** What prints whether a start waits in its scheduler's queue, and why: words with {name}. */
  readonly queue?: readonly string[];
  /** How its scheduler is asked which machines it has; absent where there is none. */
  readonly offers?: OffersCommand;
  /** How long it may take until the jar says hello: a scheduler may have to find room first. */
  readonly startSeconds: number;
}
