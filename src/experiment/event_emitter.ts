import { defined } from "../budget/defined.ts";
import type { BrainjarError } from "../budget/error.ts";
import { exitCode } from "../budget/exit_codes.ts";
import type { RunConfig, RunDependencies } from "./config.ts";
import type { EndEvent, RunEvent } from "./events.ts";
import type { MemorySample } from "./memory/memory_sample.ts";
import { otherSamplings, startLine, transcriptLine } from "./transcript_file/transcript_lines.ts";

/** Between two lines of a transcript that say what memory looked like. */
const MEMORY_LINE_MILLISECONDS = 5_000;

/** What has happened so far. */
interface Counts {
  thoughts: number;
  tokens: number;
  deaths: number;
  resurrections: number;
}

/**
 * Passes what happens on to the listeners and the transcript, and counts it. It never throws: a listener
 * that fails, such as a closed pipe, stops the run, and the failure is kept for its end.
 */
export class EventEmitter {
  readonly #config: RunConfig;
  readonly #dependencies: RunDependencies;
  readonly #stop = new AbortController();
  readonly #relay: () => void;
  #failure: { readonly error: unknown } | undefined;
  #closed = false;
  #stoppedAt: number | undefined;
  readonly #toldProblems = new Set<BrainjarError>();
  #memoryLineAt = -Infinity;
  /** Where jars lived by the last line that said so. */
  #placesTold = "";
  /** What no line has said yet, of jars in processes of their own. */
  #untold: MemorySample | undefined;
  readonly #counts: Counts = { thoughts: 0, tokens: 0, deaths: 0, resurrections: 0 };

  constructor(config: RunConfig, dependencies: RunDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
    const { signal } = dependencies;
    this.#relay = () => this.#end(signal.reason);
    if (signal.aborted) this.#relay();
    else signal.addEventListener("abort", this.#relay);
  }

  /** Fires when the run is told to stop, and when no listener is left. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  get stoppedAt(): number | undefined {
    return this.#stoppedAt;
  }

  get counts(): Readonly<Counts> {
    return this.#counts;
  }

  /** What a listener threw first. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** The transcript's first line, which says what it can be repeated with, and `validation`. */
  begin(): void {
    const { mode, turns, sampling, validation } = this.#config;
    const samplings = otherSamplings(this.#config);
    this.#dependencies.transcript?.write(startLine(this.#config));
    const { ok } = validation;
    this.emit({
      event: "validation",
      ok,
      mode,
      seed: sampling.seed,
      ...defined({ turns }),
      ...Object.keys(samplings).length > 0 && { sampling: samplings },
      validation,
    });
  }

  /** Everything but the run's last event, which is {@link end}'s. */
  emit(event: Exclude<RunEvent, EndEvent>): void {
    // What a jar that could not be freed in time has to say comes after the end.
    if (this.#closed) return;
    this.#count(event);
    this.#writeDown(event);
    this.#pass(event);
    this.#tellTranscriptProblems();
  }

  /**
   * The run's last event. Where the transcript isn't whole the run didn't end as asked, and the event
   * says so; answers it as it was told.
   */
  end(event: EndEvent): EndEvent {
    this.#closed = true;
    if (this.#untold !== undefined) this.#dependencies.transcript?.write({ ...this.#untold });
    this.#writeDown(event);
    this.#tellTranscriptProblems();
    const failure = this.#dependencies.transcript?.failure;
    const told = failure === undefined ? event : {
      ...event,
      exitCode: event.exitCode === exitCode("success") ? exitCode(failure.kind) : event.exitCode,
      transcriptFailure: failure.message,
    };
    this.#pass(told);
    return told;
  }

  /** Nothing more is passed on. */
  close(): void {
    this.#dependencies.signal.removeEventListener("abort", this.#relay);
    this.#dependencies.transcript?.close();
  }

  #end(reason: unknown): void {
    this.#stoppedAt ??= this.#dependencies.clock.now();
    this.#stop.abort(reason);
  }

  /** Whether anybody hears what memory looks like. */
  get hearsMemory(): boolean {
    return this.#dependencies.onMemory !== undefined || this.#dependencies.transcript !== undefined;
  }

  /**
   * Passes on what memory looks like, to the transcript not more often than
   * {@link MEMORY_LINE_MILLISECONDS}; at once where a jar lives on another machine than before, and
   * the last of it where jars have processes of their own, since nothing else says what they held.
   */
  emitMemory(sample: MemorySample): void {
    if (this.#closed) return;
    const now = this.#dependencies.clock.now();
    const places = placesIn(sample);
    this.#untold = places === "" ? undefined : sample;
    if (now - this.#memoryLineAt >= MEMORY_LINE_MILLISECONDS || places !== this.#placesTold) {
      this.#memoryLineAt = now;
      this.#placesTold = places;
      this.#untold = undefined;
      this.#dependencies.transcript?.write({ ...sample });
      this.#tellTranscriptProblems();
    }
    this.#call(() => this.#dependencies.onMemory?.(sample));
  }

  /** Passes on a piece of a thought. */
  emitText(id: string, text: string): void {
    this.#call(() => this.#dependencies.onText?.(id, text));
  }

  #writeDown(event: RunEvent): void {
    const line = transcriptLine(event, this.#dependencies.validationLine);
    if (line) this.#dependencies.transcript?.write(line);
  }

  /** What is wrong with the transcript, each thing once. */
  #tellTranscriptProblems(): void {
    const { failure, warning } = this.#dependencies.transcript ?? {};
    for (const problem of [warning, failure]) {
      if (problem === undefined || this.#toldProblems.has(problem)) continue;
      this.#toldProblems.add(problem);
      const { code, message, hint } = problem;
      this.#pass({ event: "warning", code, message, ...defined({ hint }) });
    }
  }

  #pass(event: RunEvent): void {
    this.#call(() => this.#dependencies.emit(event));
  }

  #call(listener: () => void): void {
    if (this.#failure) return;
    try {
      listener();
    } catch (error) {
      this.#failure = { error };
      this.#end(error);
    }
  }

  #count(event: RunEvent): void {
    if (event.event === "thought") {
      this.#counts.thoughts++;
      this.#counts.tokens += event.tokens;
    } else if (event.event === "death") this.#counts.deaths++;
    else if (event.event === "resurrection") this.#counts.resurrections++;
  }
}

/** Where jars live that have processes of their own, to be compared; empty where there are none. */
function placesIn({ jars }: MemorySample): string {
  return jars.flatMap(({ id, process }) =>
    process === undefined ? [] : [JSON.stringify([id, process.host, process.job])]
  ).join();
}
