import type { RunView } from "../view/run_view.ts";
import { askedElsewhere, elsewhere } from "../report/places/places.ts";
import { printableLines } from "../report/printable.ts";
import { formatAmount } from "../budget/size.ts";
import type { Validation } from "../budget/validation.ts";
import type { RunControls } from "../experiment/controls.ts";

/** All that a page shows, as it is sent: a view with its verdict in words. */
export interface PageState extends Omit<RunView, "validation"> {
  readonly verdict?: { readonly ok: boolean; readonly text: string };
  /** Where a transcript is played; `null`: without a wait. */
  readonly replay?: { readonly speed: number | null; readonly lastTurn: number };
}

/**
 * Makes states of views. Every text in them is one that can be shown: control characters and what
 * turns text around are written out. What didn't change from one view to the next is the same object
 * in the next state too, so that only changes are sent.
 */
export class PageStates {
  #shown = new WeakMap<object, unknown>();

  /** What a page shows of a view. */
  of({ validation, ...view }: RunView, controls: Pick<RunControls, "replay">): PageState {
    const state = this.#show(view) as Omit<RunView, "validation">;
    const { replay } = controls;
    return {
      ...state,
      ...(validation === undefined ? {} : { verdict: this.#verdict(validation) }),
      ...(replay === undefined ? {} : {
        replay: {
          speed: Number.isFinite(replay.speed) ? replay.speed : null,
          lastTurn: replay.lastTurn,
        },
      }),
    };
  }

  #verdict(validation: Validation): NonNullable<PageState["verdict"]> {
    const known = this.#shown.get(validation) as PageState["verdict"];
    if (known !== undefined) return known;
    const { ok, requiredBytes, usableBytes, memory, issues } = validation;
    const others = elsewhere(validation);
    const apart = others.length === 0 ? "" : `; elsewhere they ask for ${askedElsewhere(others)}`;
    const text = ok && validation.instances.length === 0
      ? `The jars need nothing of this machine${apart}`
      : ok
      ? `The jars${others.length > 0 ? " here" : ""} need ${formatAmount(requiredBytes)} of ${
        formatAmount(usableBytes)
      } usable; ` +
        `${formatAmount(memory.availableBytes)} are available${apart}`
      : `The jars don't fit: ${issues.map(({ code }) => code).join(", ")}`;
    const verdict = { ok, text };
    this.#shown.set(validation, verdict);
    return verdict;
  }

  /** A value with every text in it as it can be shown; itself, where nothing had to change. */
  #show(value: unknown): unknown {
    if (typeof value === "string") return printableLines(value);
    if (typeof value !== "object" || value === null) return value;
    const known = this.#shown.get(value);
    if (known !== undefined) return known;
    const shown = Array.isArray(value) ? this.#showList(value) : this.#showObject(value);
    this.#shown.set(value, shown);
    return shown;
  }

  #showList(list: readonly unknown[]): readonly unknown[] {
    const shown = list.map((item) => this.#show(item));
    return shown.every((item, index) => item === list[index]) ? list : shown;
  }

  #showObject(object: object): object {
    const entries = Object.entries(object);
    const shown = entries.map(([key, value]) => [key, this.#show(value)] as const);
    return shown.every(([, value], index) => value === entries[index]?.[1])
      ? object
      : Object.fromEntries(shown);
  }
}
