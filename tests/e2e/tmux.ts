/** A shell in a terminal of tmux's, which is typed on and looked at as a person does. */
export class TmuxTerminal implements AsyncDisposable {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Opens one of this size; nothing where tmux isn't installed. */
  static async open(columns: number, rows: number): Promise<TmuxTerminal | undefined> {
    const socket = `brainjar-${crypto.randomUUID()}`;
    const terminal = new TmuxTerminal(socket);
    const options = ["new-session", "-d", "-x", `${columns}`, "-y", `${rows}`];
    try {
      // The prompt says that the shell waits, and in which mode it found its terminal.
      await terminal.#tmux(
        [...options, "env", "-i", `PATH=${Deno.env.get("PATH")}`]
          .concat([
            `HOME=${Deno.env.get("HOME")}`,
            "TERM=tmux-256color",
            "LANG=C.UTF-8",
            "PS1=READY> ",
          ])
          .concat(["bash", "--norc", "--noprofile"]),
      );
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    await terminal.shows(/READY>/);
    return terminal;
  }

  /** Presses keys by tmux's names (`Enter`, `C-z`, `Up`). */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux(["send-keys", ...keys]);
  }

  /** Types a text as it is. */
  async type(text: string): Promise<void> {
    await this.#tmux(["send-keys", "-l", text]);
  }

  async paste(text: string): Promise<void> {
    await this.#tmux(["set-buffer", text]);
    await this.#tmux(["paste-buffer", "-p"]);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux(["resize-window", "-x", `${columns}`, "-y", `${rows}`]);
  }

  /** What is on it; with the colours as escapes where they are asked for. */
  async look(options: { readonly color?: boolean } = {}): Promise<string> {
    return await this.#tmux(["capture-pane", "-p", ...(options.color ? ["-e"] : [])]);
  }

  /** Whether the other screen is on, the cursor seen, and the keypad in its usual mode. */
  async modes(): Promise<string> {
    return (await this.#tmux(["display", "-p", "#{alternate_on} #{cursor_flag} #{wrap_flag}"]))
      .trim();
  }

  /** The process that its shell runs in the foreground. */
  async child(): Promise<number> {
    const shell = (await this.#tmux(["display", "-p", "#{pane_pid}"])).trim();
    const children = await Deno.readTextFile(`/proc/${shell}/task/${shell}/children`);
    return Number(children.trim().split(" ").at(-1));
  }

  /** The process that reads what is written to the terminal. */
  async reader(): Promise<number> {
    return Number(await this.#tmux(["display", "-p", "#{pid}"]));
  }

  /** Waits until it shows this, however long a busy machine takes; the test's own end is the limit. */
  async shows(pattern: RegExp): Promise<string> {
    for (let look = 0;; look++) {
      const text = await this.look();
      if (pattern.test(text)) return text;
      if (look > 600) throw new Error(`It never shows ${pattern}:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux(["kill-server"]).catch(() => {});
  }

  async #tmux(args: readonly string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      args: ["-L", this.#socket, "-f", "/dev/null", ...args],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }
}
