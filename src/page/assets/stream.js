import { applyPatch } from "./patch.js";

/** Between two attempts to be connected again, the first and the longest, in milliseconds. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8000;

/**
 * Reads along: server-sent events, read by fetch since the token belongs into a header. Whatever
 * breaks it is tried again, from the last update on.
 *
 * @param {object} options
 * @param {string | undefined} options.token
 * @param {(hello: any) => void} options.onHello
 * @param {(state: any) => void} options.onState
 * @param {(status: "connected" | "lost" | "closed" | "busy") => void} options.onStatus
 * @param {(message: string) => void} options.onRefused the token isn't right, or is needed
 */
export async function readAlong({ token, onHello, onState, onStatus, onRefused }) {
  let pause = FIRST_PAUSE;
  let lastId = "";
  /** @type {any} */
  let state;
  for (;;) {
    try {
      const response = await fetch("/events", {
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(lastId === "" ? {} : { "last-event-id": lastId }),
        },
        cache: "no-store",
      });
      if (response.status === 401) {
        onRefused((await response.json()).message);
        return;
      }
      if (response.ok && response.body) {
        pause = FIRST_PAUSE;
        onStatus("connected");
        for await (const { event, id, data } of eventsOf(response.body)) {
          if (event === "hello") onHello(JSON.parse(data));
          if (event === "closed") {
            onStatus("closed");
            return;
          }
          if (event !== "state" && event !== "patch") continue;
          state = event === "state" ? JSON.parse(data) : applyPatch(state, JSON.parse(data));
          lastId = id;
          onState(state);
        }
      } else onStatus(response.status === 503 ? "busy" : "lost");
    } catch {
      // A state that a patch doesn't fit is asked for anew.
      if (state === undefined) lastId = "";
    }
    onStatus("lost");
    await new Promise((resolve) => setTimeout(resolve, pause * (0.75 + Math.random() / 2)));
    pause = Math.min(LONGEST_PAUSE, pause * 2);
  }
}

/**
 * @param {ReadableStream<Uint8Array>} body
 */
async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(
        block.split("\n").map((line) => {
          const at = line.indexOf(": ");
          return [line.slice(0, at), line.slice(at + 2)];
        }),
      );
      yield {
        event: fields.get("event") ?? "",
        id: fields.get("id") ?? "",
        data: fields.get("data") ?? "",
      };
    }
  }
}
