import stringWidth from "string-width";

/** What is going on right now. */
export type LiveState =
  | { readonly kind: "loading"; readonly model: string; readonly fraction: number }
  | { readonly kind: "thinking"; readonly id: string; readonly text: string };

/** The state as one line of at most `columns` cells, the end of a thought rather than its start. */
export function renderLive(state: LiveState, columns: number): string {
  if (state.kind === "loading") {
    return fit(`Loading ${state.model}: ${Math.floor(state.fraction * 100)} %`, columns);
  }
  const label = `[${state.id}] … `;
  // A model's words may hold anything; what moves the cursor is taken out.
  // deno-lint-ignore no-control-regex
  const text = state.text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  return label + fit(text, columns - stringWidth(label));
}

/** The end of a text that fits so many cells. */
function fit(text: string, columns: number): string {
  const characters = [...text];
  let width = stringWidth(text);
  let start = 0;
  while (width > columns && start < characters.length) {
    width -= stringWidth(characters[start] ?? "");
    start++;
  }
  return characters.slice(start).join("");
}
