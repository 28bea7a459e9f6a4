const KEPT = "brainjar-shortcuts";

/**
 * The screen's keys. None does anything while somebody types, with a modifier, in a dialog, or once
 * they were turned off.
 *
 * @param {any} act
 * @param {any} checkbox turns them on and off, which is kept
 * @param {() => boolean} mayControl
 */
export function shortcuts(act, checkbox, mayControl) {
  checkbox.checked = kept() !== "off";
  checkbox.addEventListener("change", () => keep(checkbox.checked ? "on" : "off"));
  /** @type {Readonly<Record<string, () => void>>} */
  const reading = { v: act.report, "?": act.help };
  /** @type {Readonly<Record<string, () => void>>} */
  const controlling = {
    p: act.pause,
    k: () => act.kill(),
    w: act.whisper,
    e: () => act.editPrompt(),
    "+": act.faster,
    "=": act.faster,
    "-": act.slower,
    q: act.quit,
  };
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (!checkbox.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
      return;
    }
    if (!(target instanceof Element)) return;
    // One that was just closed has the focus for a moment still.
    const isLeft = target.closest("dialog:not([open])") !== null;
    if (!isLeft && target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    if (event.repeat) return;
    const does = reading[key] ?? (mayControl() ? controlling[key] : undefined) ??
      (/^[1-9]$/.test(key) ? () => act.chooseAt(Number(key) - 1) : undefined);
    if (does === undefined) return;
    event.preventDefault();
    does();
  });
}

function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

/** @param {string} value */
function keep(value) {
  try {
    localStorage.setItem(KEPT, value);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}
