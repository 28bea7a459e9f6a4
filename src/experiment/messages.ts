import { defined } from "../budget/defined.ts";
import type { Jar } from "./jar/jar.ts";
import { replyOf } from "./replies.ts";
import type { RunState } from "./run_state.ts";

/** A line that each subject hears once. */
interface Whisper {
  readonly text: string;
  readonly heardBy: Set<string>;
}

/** What has been said in a run and not yet been answered. */
export class Messages {
  /** Each jar's last thought, the latest at the end. */
  readonly thoughts = new Map<string, string>();
  note = "";
  /** God's, for each subject's next prompt alone. */
  whisper: Whisper | undefined;
  /** A person's, in place of god's. */
  byHand: Whisper | undefined;

  /** What a subject hears in its next prompt; `heard` is called once it has. */
  whispersFor({ id }: Pick<Jar, "id">): { readonly text?: string; readonly heard: () => void } {
    const waiting = [this.byHand, this.whisper].filter((one) => one !== undefined)
      .filter(({ heardBy }) => !heardBy.has(id));
    const heard = () => waiting.forEach(({ heardBy }) => heardBy.add(id));
    return { heard, ...defined({ text: waiting[0]?.text }) };
  }

  /** Takes what a jar thought, and tells what it passes on. */
  take({ id, role }: Pick<Jar, "id" | "role">, text: string, run: RunState): void {
    this.thoughts.delete(id);
    this.thoughts.set(id, text);
    const reply = replyOf(role, text);
    if (role === "observer") this.note = reply?.text ?? "";
    if (role === "god") this.whisper = reply && { text: reply.text, heardBy: new Set() };
    if (reply) run.emit({ event: reply.event, id, role, turn: run.turn, text: reply.text });
  }
}
