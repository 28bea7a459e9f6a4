import { assertEquals } from "@std/assert";
import { programSources, type Source } from "./sources.ts";
import { codeOf, type Token } from "./tokens.ts";

// No function takes more than four positional parameters: a fifth wants a name.

const MOST_PARAMETERS = 4;

const OPENING = /^[([{]$/;
const CLOSING = /^[)\]}]$/;

/** The items between a bracket and the one that closes it, and where that is. */
function itemsFrom(tokens: readonly Token[], open: number) {
  const items: Token[][] = [[]];
  let depth = 0;
  let angles = 0;
  let at = open + 1;
  for (; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    const mark = token.kind === "mark" ? token.text : "";
    if (depth === 0 && CLOSING.test(mark)) break;
    if (OPENING.test(mark)) depth += 1;
    if (CLOSING.test(mark)) depth -= 1;
    if (depth === 0 && mark === "<") angles += 1;
    if (depth === 0 && mark === ">") angles = Math.max(0, angles - 1);
    if (depth === 0 && angles === 0 && mark === ",") items.push([]);
    else items.at(-1)?.push(token);
  }
  return { items: items.filter((item) => item.length > 0), end: at };
}

const MODIFIERS = /^(public|private|protected|readonly|override|\.\.\.)$/;

/** Whether an item of a list is a parameter with its type: `name: …`, `...name: …`, `{ a }: …`. */
function isTypedParameter(item: readonly Token[]): boolean {
  const rest = item.filter(({ text }, index) => index > 2 || !MODIFIERS.test(text));
  const first = rest[0];
  if (first === undefined) return false;
  if (first.kind === "mark" && /^[{[]$/.test(first.text)) {
    const { end } = itemsFrom(rest, 0);
    return rest[end + 1]?.text === ":";
  }
  const after = rest[1]?.text === "?" ? rest[2] : rest[1];
  return first.kind === "word" && after?.kind === "mark" && after.text === ":";
}

/** Lists of parameters that are too long: of functions, methods, constructors, types of functions. */
function longParameterLists({ path, text }: Source): string[] {
  const tokens = codeOf(text);
  return tokens.flatMap((token, open) => {
    if (token.kind !== "mark" || token.text !== "(") return [];
    const { items, end } = itemsFrom(tokens, open);
    if (items.length <= MOST_PARAMETERS) return [];
    // Elsewhere only parameters have types; an arrow's may be without.
    const isList = tokens[end + 1]?.text === "=>" ||
      items.every((item, index) =>
        isTypedParameter(item) || (index > 0 && item.some(({ text }) => text === "="))
      );
    return isList ? [`${path}:${token.line} takes ${items.length} parameters`] : [];
  });
}

Deno.test("house: no function takes more than four positional parameters", async () => {
  assertEquals((await programSources()).flatMap(longParameterLists), []);
});

Deno.test("house: the check of parameters sees a long list", () => {
  const find = (text: string) => longParameterLists({ path: "f.ts", text }).length;
  assertEquals(find("function f(a: A, b: B, c: C, d: D, e: E): void {}"), 1);
  assertEquals(find("const f = (a, b, c, d, e) => a;"), 1);
  assertEquals(find("type F = (a: A, b: B, c: C, d: D, ...e: E[]) => void;"), 1);
  assertEquals(find("class A { constructor(readonly a: A, b: B, { c }: C, d?: D, e = 1) {} }"), 1);
  assertEquals(find("interface I { f(a: A, b: B, c: C, d: D, e: E): void }"), 1);
  assertEquals(find("function f<A>(\n  a: A,\n  b: B,\n  c: C,\n  d: D,\n  e: E,\n) {}"), 1);
  assertEquals(find("f(a, b, c, d, e); g({ a: 1, b, c, d, e }); h(x ? a : b, c, d, e, f);"), 0);
  assertEquals(find("function f(a: Map<A, B>, b: [A, B, C], { c, d, e, f }: C, d: D) {}"), 0);
  assertEquals(find("const f = ({ a, b, c, d, e }: A) => a; if (a < b && c > d) f();"), 0);
});
