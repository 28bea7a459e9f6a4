import { defined } from "../../budget/defined.ts";
import type { DeviceHolder } from "../../budget/memory.ts";
import { type MachineFiles, textOf } from "../machine_files.ts";
import type { NvmlProcess } from "./nvml.ts";
import { nonsenseIn } from "./reading.ts";

/** Whether it is asked who holds how much: nobody's, everybody's, or of these processes. */
export type HoldersAsked = boolean | readonly number[];

/** The first pid namespace's own number, which NVIDIA's driver counts processes in (proc_ns.h). */
const FIRST_NAMESPACE = "pid:[4026531836]";

/**
 * Who holds how much, the largest first. The driver tells process ids of the host: in a container
 * the same number is another process, so nothing is told there.
 *
 * @param totalBytes what there is: more than that isn't believed
 */
export function holdersOf(
  processes: readonly NvmlProcess[],
  totalBytes: number,
  files: MachineFiles,
  asked: HoldersAsked,
): readonly DeviceHolder[] | undefined {
  const isHost = Deno.build.os === "windows" ||
    files.readLink("/proc/self/ns/pid") === FIRST_NAMESPACE;
  if (!isHost) return undefined;
  // A recorded machine's processes aren't this one.
  const ownId = files.locate("/") === "/" ? Deno.pid : undefined;
  const isAsked = ({ processId }: NvmlProcess) =>
    typeof asked === "boolean" ? asked : asked.includes(processId);
  return processes.filter(isAsked).map(({ processId, bytes }): DeviceHolder => ({
    processId,
    ...defined({
      name: textOf(files, `/proc/${processId}/comm`)?.trim(),
      bytes: nonsenseIn(totalBytes, bytes ?? NaN) === undefined ? bytes : undefined,
    }),
    ...(processId === ownId ? { isOwn: true } : {}),
  })).toSorted((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0) || a.processId - b.processId);
}
