import type { RunControls } from "../experiment/controls.ts";
import { fasterPace, PACE_BOUNDS, slowerPace, SPEED_BOUNDS } from "../view/pace.ts";
import { fasterSpeed, slowerSpeed } from "../view/speed.ts";
import { answer, refusal } from "./answers.ts";
import type { Asked } from "./server.ts";

/** Bytes of a request: a jar's prompt file and some more. */
const MOST_BODY_BYTES = 64 * 1024;

type Body = Readonly<Record<string, unknown>>;

/** What a control answers: a sentence why it can't be done, or nothing; or that the body is wrong. */
type Done = string | undefined | typeof WRONG;

const WRONG = Symbol("The body is not what the control takes");

/** What the page's buttons ask for, by the path that they post to. */
const CONTROLS: Readonly<Record<string, (controls: RunControls, body: Body) => Done>> = {
  "/controls/pause": (controls) => void controls.pause(),
  "/controls/resume": (controls) => void controls.resume(),
  "/controls/quit": (controls) => void controls.quit(),
  "/controls/kill": (controls, { id }) => typeof id === "string" ? controls.kill(id) : WRONG,
  "/controls/whisper": (controls, { text }) =>
    typeof text === "string" ? controls.whisper(text) : WRONG,
  "/controls/prompt": (controls, { id, text }) =>
    typeof id === "string" && typeof text === "string" ? controls.setPrompt(id, text) : WRONG,
  "/controls/pace": (controls, { wordsPerMinute, step }) => {
    if (step === "faster") return void controls.setPace(fasterPace(controls.pace));
    if (step === "slower") return void controls.setPace(slowerPace(controls.pace));
    if (wordsPerMinute === null) return void controls.setPace(undefined);
    return isBetween(wordsPerMinute, PACE_BOUNDS.least, PACE_BOUNDS.greatest)
      ? void controls.setPace(wordsPerMinute)
      : WRONG;
  },
  "/controls/speed": ({ replay }, { speed, step }) => {
    if (replay === undefined) return "Only a replay has a speed";
    if (step === "faster") return void replay.setSpeed(fasterSpeed(replay.speed));
    if (step === "slower") return void replay.setSpeed(slowerSpeed(replay.speed));
    if (speed === null) return void replay.setSpeed(Infinity);
    return isBetween(speed, SPEED_BOUNDS.least, SPEED_BOUNDS.greatest)
      ? void replay.setSpeed(speed)
      : WRONG;
  },
  "/controls/turn": ({ replay }, { turn }) => {
    if (replay === undefined) return "Only a replay goes to another turn";
    return isBetween(turn, 0, Number.MAX_SAFE_INTEGER) ? void replay.goTo(turn) : WRONG;
  },
};

/** Where the buttons post to. */
export const CONTROL_PATHS: readonly string[] = Object.keys(CONTROLS);

/** Whether a request is one of a button. */
export function isControl(path: string): boolean {
  return Object.hasOwn(CONTROLS, path);
}

/** Does what a button asks for, once whoever pressed it was let in. */
export async function answerControl(
  { path, headers, body: sent }: Asked,
  controls: RunControls,
): Promise<Response> {
  const control = CONTROLS[path];
  if (!/^application\/json(;|$)/i.test(headers.get("content-type") ?? "")) {
    return refusal({
      status: 415,
      code: "not-json",
      message: "The request's type must be application/json",
    });
  }
  const text = await readBody(headers, sent);
  if (text === undefined) {
    return refusal({
      status: 413,
      code: "too-long",
      message: `A request has at most ${MOST_BODY_BYTES} bytes`,
    });
  }
  const body = parse(text);
  const done = body === undefined || control === undefined ? WRONG : control(controls, body);
  if (done === WRONG) {
    return refusal({
      status: 400,
      code: "wrong-request",
      message: `The request isn't what ${path} takes`,
    });
  }
  if (done !== undefined) return refusal({ status: 409, code: "not-done", message: done });
  return answer(null, { status: 204 });
}

/** The text of a body; `undefined` if it is too long, of which no more is read. */
async function readBody(headers: Headers, sent: AsyncIterable<Uint8Array>) {
  if (Number(headers.get("content-length") ?? 0) > MOST_BODY_BYTES) return undefined;
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const part of sent) {
    bytes += part.length;
    if (bytes > MOST_BODY_BYTES) return undefined;
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

function parse(text: string): Body | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Body : undefined;
  } catch {
    return undefined;
  }
}

function isBetween(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && value >= least && value <= most;
}
