import { answer } from "./answers.ts";

/** The page's own files, by the path that they are asked for, and what each is. */
const FILES: Readonly<Record<string, readonly [name: string, type: string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
  ...Object.fromEntries(
    ["theme.css", "page.css", "jar.css"].map((name) => [
      `/${name}`,
      [name, "text/css; charset=utf-8"] as const,
    ]),
  ),
  ...Object.fromEntries(
    [
      "announce.js",
      "controls.js",
      "dialogs.js",
      "dom.js",
      "format.js",
      "fray.js",
      "jars.js",
      "machine.js",
      "main.js",
      "patch.js",
      "plot.js",
      "shortcuts.js",
      "stream.js",
      "transcript.js",
    ].map((name) => [`/${name}`, [name, "text/javascript; charset=utf-8"] as const]),
  ),
};

/** The paths of the page's own files. */
export const ASSET_PATHS: readonly string[] = Object.keys(FILES);

/** Found beside the sources, and beside the bundles (src/packaging/program/stage.ts). */
const FOLDER = `${import.meta.dirname}/../page/assets`;

/**
 * The text of one of the page's files.
 *
 * @example
 * ```ts
 * import { readAsset } from "./assets.ts";
 * if (!(await readAsset("theme.css")).includes("prefers-color-scheme")) throw new Error("Dark too");
 * ```
 */
export function readAsset(name: string): Promise<string> {
  return Deno.readTextFile(`${FOLDER}/${name}`);
}

/** All of the page's files as they are sent, read once: none of them is large. */
export async function loadAssets(): Promise<ReadonlyMap<string, () => Response>> {
  const loaded = Object.entries(FILES).map(async ([path, [name, type]]) => {
    const text = await readAsset(name);
    return [path, () => answer(text, { type })] as const;
  });
  return new Map(await Promise.all(loaded));
}
