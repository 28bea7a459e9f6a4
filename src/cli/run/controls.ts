import type { RunControls, RunHand } from "../../experiment/controls.ts";
import type { Viewers } from "../../view/viewers.ts";
import type { Stop } from "../terminal/stop.ts";

/** What a person may do to a run, from before it begins: until then nothing can be done to its jars. */
export class SessionControls implements RunControls {
  readonly #viewers: Viewers;
  readonly #stop: Stop;
  #hand: RunHand | undefined;

  constructor(viewers: Viewers, stop: Stop) {
    this.#viewers = viewers;
    this.#stop = stop;
  }

  /** The run has begun. */
  take(hand: RunHand): void {
    this.#hand = hand;
  }

  get isPaused(): boolean {
    return this.#hand?.isPaused ?? false;
  }

  pause(): void {
    this.#hand?.pause();
  }

  resume(): void {
    this.#hand?.resume();
  }

  kill(id: string): string | undefined {
    return this.#do((hand) => hand.kill(id));
  }

  whisper(text: string): string | undefined {
    return this.#do((hand) => hand.whisper(text));
  }

  promptOf(id: string): string | undefined {
    return this.#hand?.promptOf(id);
  }

  setPrompt(id: string, text: string): string | undefined {
    return this.#do((hand) => hand.setPrompt(id, text));
  }

  quit(): void {
    this.#stop.ask("quit");
  }

  get pace(): number | undefined {
    return this.#viewers.pace;
  }

  setPace(wordsPerMinute: number | undefined): void {
    this.#viewers.setPace(wordsPerMinute);
  }

  #do(act: (hand: RunHand) => string | undefined): string | undefined {
    return this.#hand === undefined ? "The run hasn't begun yet" : act(this.#hand);
  }
}
