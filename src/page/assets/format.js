const GB = 1024 ** 3;
const MB = 1024 ** 2;
const KB = 1024;

/**
 * Bytes as the reports have them (`formatAmount`, which a browser can't load).
 *
 * @param {number} bytes
 */
export function amount(bytes) {
  if (bytes === 0 || bytes >= GB / 10) return `${(bytes / GB).toFixed(2)} GB`;
  if (bytes >= MB / 10) return `${(bytes / MB).toFixed(2)} MB`;
  return bytes >= KB ? `${(bytes / KB).toFixed(2)} KB` : counted(bytes, "byte");
}

/**
 * Milliseconds as a clock has them.
 *
 * @param {number} milliseconds
 */
export function clock(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = `${String(m).padStart(h > 0 ? 2 : 1, "0")}:${String(s).padStart(2, "0")}`;
  return h > 0 ? `${h}:${tail}` : tail;
}

/**
 * @param {number} count
 * @param {string} one
 */
export function counted(count, one) {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

/**
 * What started a jar's process and on which machine, as the reports say it (`startedWords`, which a
 * browser can't load).
 *
 * @param {{ readonly launcher?: string, readonly host?: string, readonly job?: string }} place
 */
export function startedWords({ launcher, host, job }) {
  return [
    launcher === undefined ? undefined : `by ${launcher}`,
    host === undefined ? undefined : `on ${host}`,
    job === undefined ? undefined : `(${job})`,
  ].filter((text) => text !== undefined).join(" ");
}

/**
 * How each kind of utterance is said.
 *
 * @type {Readonly<Record<"thought" | "note" | "whisper", string>>}
 */
export const VERBS = { thought: "thinks", note: "notes", whisper: "whispers" };

/**
 * Whose colour and type a jar has: its role's, and of two subjects the second has another.
 *
 * @param {{ readonly id: string, readonly role: string }} jar
 * @param {readonly { readonly id: string, readonly role: string }[]} jars
 */
export function voiceOf(jar, jars) {
  if (jar.role !== "subject") return jar.role;
  return jars.find(({ role }) => role === "subject")?.id === jar.id ? "subject" : "peer";
}

/**
 * A model's name without the folders that it lies in.
 *
 * @param {string} model
 */
export function modelName(model) {
  return model.replace(/^.*[/\\](?=[^/\\])/, "");
}
