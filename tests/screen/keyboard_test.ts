import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Key } from "../../src/screen/keys.ts";
import { Keyboard } from "../../src/screen/terminal/keyboard.ts";

function heard(...pieces: readonly (string | Uint8Array)[]): Key[] {
  const keys: Key[] = [];
  const keyboard = new Keyboard((key) => keys.push(key));
  for (const piece of pieces) {
    keyboard.hear(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  }
  keyboard.close();
  return keys;
}

const names = (keys: readonly Key[]) => keys.map(({ name }) => name).join(" ");

Deno.test("screen: keys as terminals send them", () => {
  const table: readonly (readonly [sent: string, names: string])[] = [
    ["aK?+", "a K ? +"],
    [" \t\r\u007f\u0008", "space tab return backspace backspace"],
    ["\u001b[A\u001b[B\u001bOC\u001bOD", "up down right left"],
    [
      "\u001b[Z\u001b[5~\u001b[6~\u001b[H\u001b[F\u001b[3~",
      "shift+tab pageup pagedown home end delete",
    ],
    ["\u0001\u000c\u0003", "ctrl+a ctrl+l ctrl+c"],
    ["\u001bk", "meta+k"],
    ["é日🙂", "é 日 🙂"],
  ];
  for (const [sent, expected] of table) {
    assertEquals(names(heard(sent)), expected, JSON.stringify(sent));
  }
});

Deno.test("screen: a character that comes in two pieces is one", () => {
  assertEquals(names(heard(new Uint8Array([0xf0, 0x9f]), new Uint8Array([0x99, 0x82]))), "🙂");
});

Deno.test("screen: pasted text acts as no key, however it is cut", () => {
  const sent = "p\u001b[200~q\u001b[Ak\r\n\u001b[201~q";
  const bytes = new TextEncoder().encode(sent);
  fc.assert(fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 4 }), (cuts) => {
    // Within the first two characters of a bracket a lone escape is a key: nobody cuts there.
    const escapes = [...sent].flatMap((character, at) =>
      character === "\u001b" ? [at + 1, at + 2] : []
    );
    const at = [0, ...cuts.filter((cut) => !escapes.includes(cut)), bytes.length]
      .toSorted((a, b) => a - b);
    const pieces = at.slice(1).map((end, index) => bytes.slice(at[index], end));
    assertEquals(heard(...pieces), [
      { name: "p", text: "p" },
      { name: "paste", text: "q\u001b[Ak\r\n" },
      { name: "q", text: "q" },
    ]);
  }));
});
