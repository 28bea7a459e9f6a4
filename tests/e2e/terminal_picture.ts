/** A terminal's size in cells. */
interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Cells of the picture, in pixels. */
const CELL = { width: 9, height: 19 } as const;
const MARGIN = 12;

/** The eight colours and the two of the ground, on dark as on light. */
const COLORS = [
  "#484f58",
  "#ff7b72",
  "#7ee787",
  "#e3b341",
  "#79c0ff",
  "#d2a8ff",
  "#56d4dd",
  "#e6edf3",
];
const GROUND = { back: "#0d1117", fore: "#e6edf3" } as const;

/** What a terminal shows, as `tmux capture-pane -e` tells it, as one HTML page without a script. */
export function terminalPage(captured: string, { columns, rows }: Size): string {
  const lines = htmlOf(captured.split("\n").slice(0, rows).join("\n"));
  return `<!doctype html><meta charset="utf-8"><title>Terminal</title><style>
html{background:${GROUND.back};color:${GROUND.fore}}
body{margin:${MARGIN}px;width:${columns * CELL.width}px}
pre{margin:0;font:15px/${CELL.height}px "DejaVu Sans Mono",monospace;white-space:pre}
</style><pre>${lines}</pre>`;
}

/** The page's size in pixels. */
export function pictureSize({ columns, rows }: Size): { width: number; height: number } {
  return {
    width: columns * CELL.width + 2 * MARGIN + CELL.width,
    height: rows * CELL.height + 2 * MARGIN,
  };
}

interface Look {
  readonly color?: number | undefined;
  readonly isBold?: boolean;
  readonly isFaint?: boolean;
}

/** A style holds until another is told, over the ends of lines. */
function htmlOf(text: string): string {
  let look: Look = {};
  // deno-lint-ignore no-control-regex
  return text.split(/(\u001b\[[\d;]*m)/).map((part) => {
    // deno-lint-ignore no-control-regex
    const codes = /^\u001b\[([\d;]*)m$/.exec(part)?.[1];
    if (codes === undefined) return part === "" ? "" : spanOf(part, look);
    for (const code of codes.split(";").map(Number)) look = lookAfter(look, code);
    return "";
  }).join("");
}

function lookAfter(look: Look, code: number): Look {
  if (code === 0) return {};
  if (code === 1) return { ...look, isBold: true };
  if (code === 2) return { ...look, isFaint: true };
  if (code === 22) return { ...look, isBold: false, isFaint: false };
  if (code === 39) return { ...look, color: undefined };
  return code >= 30 && code <= 37 ? { ...look, color: code - 30 } : look;
}

function spanOf(text: string, { color, isBold, isFaint }: Look): string {
  const styles = [
    color === undefined ? "" : `color:${COLORS[color]}`,
    isBold ? "font-weight:bold" : "",
    isFaint ? "opacity:.6" : "",
  ].filter((style) => style !== "");
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return styles.length === 0 ? escaped : `<span style="${styles.join(";")}">${escaped}</span>`;
}

/** Takes the picture with a headless Chromium. */
export async function takePicture(captured: string, size: Size, file: string): Promise<void> {
  const page = await Deno.makeTempFile({ suffix: ".html" });
  try {
    await Deno.writeTextFile(page, terminalPage(captured, size));
    const { width, height } = pictureSize(size);
    const { success, stderr } = await new Deno.Command("chromium", {
      args: ["--headless", "--no-sandbox", "--hide-scrollbars", `--screenshot=${file}`]
        .concat([`--window-size=${width},${height}`, `file://${page}`]),
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(page);
  }
}

if (import.meta.main) {
  const [file = "terminal.png", columns = "80", rows = "24"] = Deno.args;
  const captured = await new Response(Deno.stdin.readable).text();
  await takePicture(captured, { columns: Number(columns), rows: Number(rows) }, file);
}
