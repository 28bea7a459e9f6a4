/** Numbers beyond this are no processors or nodes, so that a lying tree can't keep us counting. */
const MOST = 9999;

/** The kernel's list format, `0-3,8`, as a set; nothing where it isn't one or lists none. */
export function parseKernelList(text: string): ReadonlySet<number> | undefined {
  const numbers = new Set<number>();
  for (const range of text.trim().split(",")) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Math.min(MOST, Number(match[2] ?? first));
    for (let one = first; one <= last; one += 1) numbers.add(one);
  }
  return numbers;
}
