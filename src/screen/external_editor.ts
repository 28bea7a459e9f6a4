import { messageOf } from "../budget/error.ts";

/** What came of editing: the text, or why there is none. */
export type Edited =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string };

/** Asked in this order where neither `VISUAL` nor `EDITOR` names one. */
const USUAL_EDITORS = ["nano", "vi"];

/** A prompt is no book; an editor that was left on a device or a log is refused. */
const MOST_BYTES = 1_000_000;

/**
 * Has a person edit a text in the editor of their own: `VISUAL`, `EDITOR`, else nano or vi. The terminal
 * must be free for it.
 *
 * @param signal ends the editor
 */
export async function editText(text: string, signal: AbortSignal): Promise<Edited> {
  const editor = [Deno.env.get("VISUAL"), Deno.env.get("EDITOR")].find((name) => name?.trim()) ??
    await firstThatIsThere(USUAL_EDITORS);
  if (editor === undefined) {
    return { ok: false, why: "No editor is there: set EDITOR, or give --prompt-JAR a file" };
  }
  const file = await Deno.makeTempFile({ prefix: "brainjar-prompt-", suffix: ".txt" });
  try {
    await Deno.writeTextFile(file, text);
    // The variable may hold words besides the program's name, as git and others read it.
    const { success, code } = await new Deno.Command("/bin/sh", {
      args: ["-c", `${editor} "$1"`, "sh", file],
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
      signal,
    }).output();
    if (!success) return { ok: false, why: `The editor ended with ${code}; nothing was changed` };
    if ((await Deno.stat(file)).size > MOST_BYTES) {
      return { ok: false, why: `A prompt has at most ${MOST_BYTES} bytes; nothing was changed` };
    }
    return { ok: true, text: await Deno.readTextFile(file) };
  } catch (error) {
    return { ok: false, why: `The editor can't be used: ${messageOf(error)}` };
  } finally {
    await Deno.remove(file).catch(() => {});
  }
}

async function firstThatIsThere(names: readonly string[]): Promise<string | undefined> {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  for (const name of names) {
    for (const folder of folders) {
      const isThere = await Deno.stat(`${folder}/${name}`).then(
        ({ isFile }) => isFile,
        () => false,
      );
      if (isThere) return name;
    }
  }
  return undefined;
}
