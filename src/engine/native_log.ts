import { isEngineLine } from "./patches.ts";

// Enough to hold what one failed load says; older lines are dropped.
const KEPT_LINES = 40;
const METHODS = ["error", "warn", "info", "log"] as const;

/**
 * What the native side says, kept instead of printed: it becomes the cause of an error.
 */
export class NativeLog {
  #lines: string[] = [];
  #dropped = 0;
  #captures = 0;
  #restore = () => {};

  add(message: string): void {
    for (const line of message.split("\n")) {
      if (line.trim() !== "") this.#lines.push(line.trim());
    }
    const over = this.#lines.length - KEPT_LINES;
    if (over > 0) {
      this.#lines = this.#lines.slice(over);
      this.#dropped += over;
    }
  }

  /** A place in the log, to ask for what came after it. */
  mark(): number {
    return this.#dropped + this.#lines.length;
  }

  /** What was said after `mark`, as far as it is kept. */
  since(mark: number): readonly string[] {
    return this.#lines.slice(Math.max(0, mark - this.#dropped));
  }

  /**
   * Runs `operation` and keeps what node-llama-cpp would print to the console meanwhile, stack
   * traces included; what anybody else prints goes through.
   */
  async capture<Result>(operation: () => Promise<Result>): Promise<Result> {
    // Captures overlap, in any order: the first takes the console, the last gives it back.
    if (this.#captures++ === 0) this.#take();
    try {
      return await operation();
    } finally {
      if (--this.#captures === 0) this.#restore();
    }
  }

  #take(): void {
    const originals = METHODS.map((method) => [method, console[method]] as const);
    for (const [method, original] of originals) {
      console[method] = (...parts: unknown[]) => {
        if (!isEngineLine(String(parts[0]))) return original.apply(console, parts);
        this.add(
          parts.map((part) => part instanceof Error ? part.message : String(part)).join(" "),
        );
      };
    }
    this.#restore = () => {
      for (const [method, original] of originals) console[method] = original;
    };
  }
}
