import { BrainjarError } from "../budget/error.ts";
import type { RunHand } from "./controls.ts";
import type { Jar } from "./jar/jar.ts";
import type { Messages } from "./messages.ts";
import { promptFileOf } from "./prompts/built_in.ts";
import { parsePrompt } from "./prompts/prompt_file.ts";
import { whisperByHand } from "./replies.ts";
import type { RunState } from "./run_state.ts";

/** What a hand works on. */
interface HandOptions {
  readonly jars: readonly Jar[];
  readonly run: RunState;
  readonly messages: Messages;
  /** Fires when there are no more turns. */
  readonly done: AbortSignal;
}

/** A person's hand in a run: all that it does is told as an event. */
export class Hand implements RunHand {
  readonly #jars: readonly Jar[];
  readonly #run: RunState;
  readonly #messages: Messages;
  readonly #done: AbortSignal;

  constructor({ jars, run, messages, done }: HandOptions) {
    this.#jars = jars;
    this.#run = run;
    this.#messages = messages;
    this.#done = done;
  }

  get isPaused(): boolean {
    return this.#run.pause.isPaused;
  }

  pause(): void {
    const { pause, turn, emit } = this.#run;
    if (this.#isOver || !pause.begin()) return;
    emit({ event: "paused", turn });
  }

  resume(): void {
    const { pause, turn, emit } = this.#run;
    // Told before anything goes on.
    if (pause.isPaused) emit({ event: "resumed", turn });
    pause.end();
  }

  kill(id: string): string | undefined {
    const found = this.#find(id);
    if (typeof found === "string") return found;
    const { state } = found;
    switch (state.kind) {
      case "alive":
        if (state.killed) return `'${id}' is dying already`;
        found.kill({ cause: "by-hand" });
        return undefined;
      case "unborn":
        return `'${id}' isn't born yet`;
      case "admitting":
        return `'${id}' is being loaded`;
      case "dying":
        return `'${id}' is dying already`;
      case "dead":
        return `'${id}' is dead already`;
      case "gone":
        return `'${id}' is gone for good`;
    }
  }

  whisper(text: string): string | undefined {
    const run = this.#run;
    if (this.#isOver) return RUN_OVER;
    const said = whisperByHand(text);
    if (said === "") return "A whisper needs words";
    const subjects = this.#jars.filter(({ role, state }) =>
      role === "subject" && state.kind !== "gone"
    );
    if (subjects.length === 0) return "There is no subject to whisper to";
    this.#messages.byHand = { text: said, heardBy: new Set() };
    for (const { id, role } of subjects) {
      run.emit({ event: "whisper", id, role, turn: run.turn, text: said, by: "hand" });
    }
    return undefined;
  }

  promptOf(id: string): string | undefined {
    const jar = this.#jars.find((one) => one.id === id);
    if (jar === undefined) return undefined;
    return promptFileOf(jar, this.#jars.filter(({ role }) => role === "subject").length);
  }

  setPrompt(id: string, text: string): string | undefined {
    const found = this.#find(id);
    if (typeof found === "string") return found;
    try {
      found.prompt = parsePrompt(text);
    } catch (error) {
      if (!(error instanceof BrainjarError)) throw error;
      return [error.message, error.hint].filter((part) => part !== undefined).join(": ");
    }
    const { emit, turn } = this.#run;
    emit({ event: "prompt", id, role: found.role, turn, text });
    return undefined;
  }

  get #isOver(): boolean {
    return this.#run.stop.aborted || this.#done.aborted;
  }

  /** The jar, or why nothing can be done to it. */
  #find(id: string): Jar | string {
    if (this.#isOver) return RUN_OVER;
    return this.#jars.find((jar) => jar.id === id) ?? `No jar is named '${id}'`;
  }
}

const RUN_OVER = "The run is over";
