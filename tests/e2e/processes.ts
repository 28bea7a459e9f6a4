/** What a process was started with, its words joined by spaces; nothing where it has ended. */
export function commandOf(id: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${id}/cmdline`).replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** The processes that a process has started, and those that they have, Linux alone. */
export function descendantsOf(id: number): number[] {
  return startedBy(id).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** The processes that a process has started itself, each thread of its. */
function startedBy(id: number): number[] {
  return threadsOf(id).flatMap((thread) => childrenOf(`/proc/${id}/task/${thread}`));
}

function threadsOf(id: number): string[] {
  try {
    return [...Deno.readDirSync(`/proc/${id}/task`)].map(({ name }) => name);
  } catch {
    return [];
  }
}

function childrenOf(task: string): number[] {
  try {
    const text = Deno.readTextFileSync(`${task}/children`);
    return text.split(" ").filter((child) => child !== "").map(Number);
  } catch {
    return [];
  }
}

/** Whether a process is a jar's. */
export function isJar(id: number): boolean {
  return / jar$/.test(commandOf(id));
}

/**
 * The jars' processes that a process has started. What a jar's process starts itself is none of them: it
 * bears the jar's own command line until it runs its own program.
 */
export function jarsOf(id: number): number[] {
  return startedBy(id).flatMap((child) => isJar(child) ? [child] : jarsOf(child));
}
