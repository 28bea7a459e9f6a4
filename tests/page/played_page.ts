import type { RunControls } from "../../src/experiment/controls.ts";
import { readPageAddress } from "../../src/page/address.ts";
import { openPage, type Page } from "../../src/page/open_page.ts";
import { EMPTY_VIEW, type RunView } from "../../src/view/run_view.ts";
import { see } from "../../src/view/see.ts";
import type { ViewEvent } from "../../src/view/view_event.ts";

/** A page of a run that a test plays. */
export interface PlayedPage extends AsyncDisposable {
  readonly page: Page;
  /** Where it is, without a path. */
  readonly origin: string;
  readonly token: string;
  /** What its controls were asked for, in order. */
  readonly asked: readonly string[];
  /** What is seen now. */
  view(): RunView;
  /** The run goes on by an event. */
  hear(event: ViewEvent, at: number): void;
}

/** What a test has its controls do besides noting what they are asked for. */
export type Answers = Partial<
  Pick<RunControls, "kill" | "whisper" | "setPrompt" | "pause" | "resume" | "quit" | "replay">
>;

/** Opens a page of a run that hasn't begun. */
export async function openPlayedPage(
  { address = "", answers = {} }: { readonly address?: string; readonly answers?: Answers } = {},
): Promise<PlayedPage> {
  let view = EMPTY_VIEW;
  const asked: string[] = [];
  const controls: RunControls = {
    get isPaused() {
      return view.phase === "paused";
    },
    pause: () => void (asked.push("pause"), answers.pause?.()),
    resume: () => void (asked.push("resume"), answers.resume?.()),
    kill: (id) => (asked.push(`kill ${id}`), answers.kill?.(id)),
    whisper: (text) => (asked.push(`whisper ${text}`), answers.whisper?.(text)),
    promptOf: (id) => id === "subject" ? "You are {id}" : undefined,
    setPrompt: (id, text) => (asked.push(`prompt ${id} ${text}`), answers.setPrompt?.(id, text)),
    quit: () => void (asked.push("quit"), answers.quit?.()),
    get pace() {
      return view.pace;
    },
    setPace: (pace) => void asked.push(`pace ${pace}`),
    ...(answers.replay === undefined ? {} : { replay: answers.replay }),
  };
  const page = await openPage({
    address: readPageAddress(address),
    view: () => view,
    controls,
    report: () => "MEMORY BUDGET VALIDATION",
  });
  const { origin, hash } = new URL(page.controlUrl);
  return {
    page,
    origin,
    token: hash.slice(1),
    asked,
    view: () => view,
    hear(event, at) {
      view = see(view, event, at);
      page.hear(event, at);
    },
    [Symbol.asyncDispose]: () => page.close(),
  };
}
