import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cellsOf, charactersOf, fit, isPlain, wrap } from "../../src/screen/drawing/cells.ts";
import { fray, FRAYED } from "../../src/screen/drawing/fray.ts";
import { exactly, lineCells, paint, span } from "../../src/screen/drawing/styled.ts";

const anyText = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.stringMatching(/^[a-z 0-9é日🙂]{0,60}$/u),
);

Deno.test("screen: a fuller context loses more of the same letters, and nothing else", () => {
  const fills = fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  fc.assert(fc.property(anyText, fills, (text, [a, b]) => {
    const [less, more] = [Math.min(a, b), Math.max(a, b)].map((fill) => fray(text, fill));
    assertEquals(cellsOf(less ?? ""), cellsOf(text));
    assertEquals(cellsOf(more ?? ""), cellsOf(text));
    // What is gone at first stays gone.
    const kept = (frayed: string) => [...frayed].filter((character) => character !== FRAYED).length;
    assert(kept(more ?? "") <= kept(less ?? ""));
    assertEquals((more ?? "").replaceAll(/[^0-9]/g, ""), text.replaceAll(/[^0-9]/g, ""));
  }));
});

Deno.test("screen: about half of a full mind's letters are gone, and none at four fifths", () => {
  const text = "the light comes in and I had a word for it once ".repeat(20);
  assertEquals(fray(text, 0.8), text);
  const letters = text.replaceAll(" ", "").length;
  const gone = fray(text, 1).split(FRAYED).length - 1;
  assert(gone / letters > 0.4 && gone / letters < 0.7, `${gone} of ${letters}`);
});

Deno.test("screen: wrapped words are all there, and fit", () => {
  fc.assert(fc.property(anyText, fc.integer({ min: 2, max: 60 }), (text, cells) => {
    const lines = wrap(text, cells);
    for (const line of lines) assert(cellsOf(line) <= cells, JSON.stringify(line));
    // What is wider than a line is left out of it.
    const characters = [text, text.normalize()].flatMap(charactersOf);
    if (characters.some((character) => cellsOf(character) > cells)) return;
    // The package writes composed characters.
    const solid = (words: string) => words.normalize().replaceAll(/\s/g, "");
    assertEquals(solid(lines.join("")), solid(text));
  }));
});

Deno.test("screen: a text is cut to its cells, at a character's end", () => {
  fc.assert(fc.property(anyText, fc.nat({ max: 40 }), (text, cells) => {
    const cut = fit(text, cells);
    assert(cellsOf(cut) <= Math.max(cells, 0));
    if (cut !== text) assert(cut === "" || text.startsWith(cut.slice(0, -1)), cut);
    assertEquals(lineCells(exactly([span(text), span("b")], cells)), cells);
  }));
});

Deno.test("screen: what is called plain has one cell a character by the package's measure too", () => {
  for (let code = 0x20; code < 0x3000; code++) {
    const character = String.fromCodePoint(code);
    if (!isPlain(character)) continue;
    // A letter before it makes the package measure, and not the short way.
    assertEquals(cellsOf(`日${character}`), 3, code.toString(16));
    assertEquals(charactersOf(`日${character}`).length, 2, code.toString(16));
  }
});

Deno.test("screen: what follows an unusual character is put in its place by column", () => {
  const line = [span("❤️ "), span("end", { isBold: true })];
  assertEquals(paint(line, { color: true, positions: true }), "❤️ \u001b[4G\u001b[1mend\u001b[0m");
  assertEquals(paint([span("│ é ─")], { color: true, positions: true }), "│ é ─");
});
