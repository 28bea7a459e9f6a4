import { charactersOf } from "./drawing/cells.ts";
import type { Key } from "./keys.ts";

/** A line that is being typed: what stands before the cursor and what after it. */
export interface EditedLine {
  readonly before: string;
  readonly after: string;
}

export const EMPTY_LINE: EditedLine = { before: "", after: "" };

/** What a person types may be as long as a prompt has room for. */
const MOST_CHARACTERS = 2000;

/**
 * The line after a key, as shells edit one; a key that it has no use for changes nothing.
 *
 * @example
 * ```ts
 * import { editLine } from "./line_editor.ts";
 * const line = editLine({ before: "Let gp", after: " go" }, { name: "backspace" });
 * if (line.before !== "Let g" || line.after !== " go") throw new Error("One character less");
 * ```
 */
export function editLine(line: EditedLine, key: Key): EditedLine {
  const { before, after } = line;
  switch (key.name) {
    case "backspace":
    case "ctrl+h":
      return { before: withoutLast(before), after };
    case "delete":
    case "ctrl+d":
      return { before, after: withoutFirst(after) };
    case "left":
    case "ctrl+b": {
      const rest = withoutLast(before);
      return { before: rest, after: before.slice(rest.length) + after };
    }
    case "right":
    case "ctrl+f": {
      const rest = withoutFirst(after);
      return { before: before + after.slice(0, after.length - rest.length), after: rest };
    }
    case "home":
    case "ctrl+a":
      return { before: "", after: before + after };
    case "end":
    case "ctrl+e":
      return { before: before + after, after: "" };
    case "ctrl+u":
      return { before: "", after };
    case "ctrl+k":
      return { before, after: "" };
    case "ctrl+w":
      return { before: before.replace(/\S+\s*$/, ""), after };
    default:
      return key.text === undefined ? line : typed(line, key.text);
  }
}

/** Text that was typed or pasted; line breaks and tabs become spaces, other controls go. */
function typed({ before, after }: EditedLine, text: string): EditedLine {
  // deno-lint-ignore no-control-regex
  const clean = text.replace(/\s+/g, " ").replace(/[\u0000-\u001f\u007f-\u009f]/g, "");
  const room = Math.max(0, MOST_CHARACTERS - before.length - after.length);
  return { before: before + charactersOf(clean).slice(0, room).join(""), after };
}

function withoutLast(text: string): string {
  return charactersOf(text).slice(0, -1).join("");
}

function withoutFirst(text: string): string {
  return charactersOf(text).slice(1).join("");
}
