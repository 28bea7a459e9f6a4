const GB = 1024 ** 3;
const MB = 1024 ** 2;

/**
 * Bytes as the reports have them.
 *
 * @param {number} bytes
 */
export function amount(bytes) {
  return bytes > 0 && bytes < 0.1 * GB
    ? `${(bytes / MB).toFixed(bytes < 10 * MB ? 1 : 0)} MB`
    : `${(bytes / GB).toFixed(2)} GB`;
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

/** @type {Readonly<Record<string, string>>} */
const CAUSES = {
  "context-full": "its context was full",
  "ram-limit": "it passed its limit",
  "available-memory": "memory ran short",
  "device-memory": "its device ran short",
  "device-lost": "its device was gone",
  "engine-failed": "the engine failed",
  "engine-stalled": "the engine stalled",
  "by-hand": "a hand ended it",
};

/**
 * What a jar died of, in few words.
 *
 * @param {string} cause
 */
export function causeWords(cause) {
  return CAUSES[cause] ?? cause;
}

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
