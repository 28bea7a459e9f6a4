/**
 * The page's dialogs, which are in its HTML.
 *
 * @param {Document} page
 */
export function openDialogs(page) {
  /** @param {string} id @returns {any} */
  const find = (id) => page.getElementById(id);
  for (const button of page.querySelectorAll("dialog [data-close]")) {
    button.addEventListener("click", () => button.closest("dialog")?.close());
  }
  const prompt = find("prompt-dialog");
  const quit = find("quit-dialog");
  /** @type {(text: string) => Promise<boolean>} */
  let save = () => Promise.resolve(true);
  let confirm = () => {};
  find("prompt-save").addEventListener("click", async () => {
    if (await save(find("prompt-text").value)) prompt.close();
  });
  find("quit-now").addEventListener("click", () => {
    quit.close();
    confirm();
  });
  return {
    /** @param {string} id @param {string} text @param {(text: string) => Promise<boolean>} onSave */
    editPrompt(id, text, onSave) {
      save = onSave;
      find("prompt-title").textContent = `Prompt of ${id}`;
      find("prompt-text").value = text;
      prompt.showModal();
    },
    /** @param {string} text */
    showReport(text) {
      find("report-text").textContent = text;
      find("report-dialog").showModal();
    },
    help() {
      find("help-dialog").showModal();
    },
    /** @param {() => void} onConfirm */
    quit(onConfirm) {
      confirm = onConfirm;
      quit.showModal();
    },
  };
}
