import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Key, REPLAY_KEYS, RUN_KEYS } from "../../src/screen/keys.ts";
import { editLine, EMPTY_LINE } from "../../src/screen/line_editor.ts";
import {
  INITIAL_STATE,
  press,
  type Request,
  say,
  type ScreenState,
} from "../../src/screen/screen_state.ts";
import { EMPTY_VIEW } from "../../src/view/run_view.ts";
import { viewOfRun } from "./views.ts";

const SEEN = { view: viewOfRun(), keys: RUN_KEYS };
const REPLAYED = { view: viewOfRun(), keys: REPLAY_KEYS };

/** Names of keys, and what is typed where it is one character. */
function keysOf(names: string): Key[] {
  return names.split(" ").map((name) =>
    [...name].length === 1
      ? { name, text: name }
      : name === "space"
      ? { name, text: " " }
      : { name }
  );
}

/** All that is asked of the run, and the state in the end. */
function pressAll(names: string, seen = SEEN, state: ScreenState = INITIAL_STATE) {
  const requests: Request[] = [];
  for (const key of keysOf(names)) {
    const pressed = press(state, key, seen);
    state = pressed.state;
    if (pressed.request !== undefined) requests.push(pressed.request);
  }
  return { state, requests };
}

const TABLE: readonly (readonly [keys: string, requests: readonly Request[]])[] = [
  ["q", [{ do: "quit" }]],
  ["p", [{ do: "pause" }]],
  ["space", [{ do: "pause" }]],
  ["k", [{ do: "kill", id: "subject" }]],
  ["tab k", [{ do: "kill", id: "observer" }]],
  ["shift+tab k", [{ do: "kill", id: "god" }]],
  ["down right tab k", [{ do: "kill", id: "subject" }]],
  ["3 k 9 k", [{ do: "kill", id: "god" }, { do: "kill", id: "god" }]],
  ["2 e", [{ do: "prompt", id: "observer" }]],
  ["+ = - _", [{ do: "faster" }, { do: "faster" }, { do: "slower" }, { do: "slower" }]],
  ["ctrl+l", [{ do: "redraw" }]],
  ["w h i space k return", [{ do: "whisper", text: "hi k" }]],
  ["w q p escape", []],
  ["w space return k", [{ do: "kill", id: "subject" }]],
  ["x meta+k paste f5", []],
  ["v q", [{ do: "quit" }]],
];

Deno.test("screen: keys and what they ask of a run", () => {
  for (const [keys, requests] of TABLE) assertEquals(pressAll(keys).requests, requests, keys);
});

const REPLAY_TABLE: readonly (readonly [keys: string, requests: readonly Request[]])[] = [
  ["space", [{ do: "pause" }]],
  ["left", [{ do: "go-to", turn: 11 }]],
  ["right", [{ do: "go-to", turn: 13 }]],
  ["g 4 2 return", [{ do: "go-to", turn: 42 }]],
  ["g x return", []],
  ["k w e", []],
];

Deno.test("screen: keys of a replay", () => {
  for (const [keys, requests] of REPLAY_TABLE) {
    assertEquals(pressAll(keys, REPLAYED).requests, requests, keys);
  }
  assertEquals(pressAll("g x return", REPLAYED).state.message, "No turn: x");
});

Deno.test("screen: what is open scrolls, and leaves by its key or Esc", () => {
  assertEquals(pressAll("v down pagedown up").state.open, { kind: "validation", scrolled: 10 });
  assertEquals(pressAll("v down home up").state.open?.scrolled, 0);
  // As in a pager: a jar that isn't seen isn't ended by what scrolls elsewhere.
  const paged = pressAll("? j j k");
  assertEquals([paged.state.open, paged.requests], [{ kind: "help", scrolled: 1 }, []]);
  for (const keys of ["v v", "v escape", "? ?", "? escape"]) {
    assertEquals(pressAll(keys).state.open, undefined, keys);
  }
  assertEquals(pressAll("v ?").state.open?.kind, "help");
});

Deno.test("screen: before there are jars no key fails", () => {
  const { state, requests } = pressAll("tab k e 1 w a return", {
    view: EMPTY_VIEW,
    keys: RUN_KEYS,
  });
  assertEquals(requests, [{ do: "whisper", text: "a" }]);
  assertEquals(state.chosen, 0);
  assertEquals(
    pressAll("k", { view: EMPTY_VIEW, keys: RUN_KEYS }).state.message,
    "No jar is there yet",
  );
});

Deno.test("screen: no two keys of a table do different things", () => {
  for (const keys of [RUN_KEYS, REPLAY_KEYS]) {
    const names = keys.flatMap((binding) => binding.keys);
    assertEquals(new Set(names).size, names.length);
  }
});

const LINES: readonly (readonly [keys: string, line: string])[] = [
  ["a b c backspace", "ab|"],
  ["a b left c", "ac|b"],
  ["a b left left left delete", "|b"],
  ["a b home c end d", "cabd|"],
  ["é 🙂 left backspace", "|🙂"],
  ["👨‍👩‍👧 backspace", "|"],
  ["a space b c ctrl+w", "a |"],
  ["a b left ctrl+k", "a|"],
  ["a b left ctrl+u", "|b"],
  ["a right up tab f1 b", "ab|"],
];

Deno.test("screen: a line is edited as in a shell", () => {
  for (const [keys, expected] of LINES) {
    // A family of three is one character, however many code points it has.
    const { before, after } = keysOf(keys).map((key) =>
      /^\p{Extended_Pictographic}/u.test(key.name) ? { ...key, text: key.name } : key
    ).reduce(editLine, EMPTY_LINE);
    assertEquals(`${before}|${after}`, expected, keys);
  }
});

Deno.test("screen: pasted text is text, whatever it holds", () => {
  const pasted = { name: "paste", text: "one\r\ntwo\tthree\u001b[2J\u0003q" };
  assertEquals(editLine(EMPTY_LINE, pasted).before, "one two three[2Jq");
  assertEquals(editLine(EMPTY_LINE, { name: "paste", text: "x".repeat(9999) }).before.length, 2000);
  assertEquals(press(INITIAL_STATE, pasted, SEEN).request, undefined);
});

Deno.test("screen: any keys in any order leave a state that can be drawn", () => {
  const names = [
    ...RUN_KEYS.flatMap(({ keys }) => keys),
    "escape",
    "return",
    "backspace",
    "a",
    "9",
  ];
  fc.assert(fc.property(fc.array(fc.constantFrom(...names), { maxLength: 40 }), (keys) => {
    const { state } = pressAll(["tab", ...keys].join(" "));
    assert(state.chosen >= 0 && state.chosen < 3);
    assert(state.open === undefined || state.open.scrolled >= 0);
  }));
});

Deno.test("screen: what else is said is kept with a bound", () => {
  let state = INITIAL_STATE;
  for (let count = 0; count < 100; count++) state = say(state, SEEN.view, `line ${count}\n\n`);
  assertEquals(state.said.length, 20);
  assertEquals(state.said.at(-1), { after: 4, text: "line 99" });
});
