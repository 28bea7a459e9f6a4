import { sum } from "../../budget/sum.ts";
import { hugePageBytesBelow } from "./huge_pages.ts";
import { type MachineFiles, parseKernelList, type ProcessId, textOf } from "../machine_files.ts";
import { parseFields } from "./meminfo.ts";
import {
  type Bounds,
  NODES_PATH,
  type ReadingTerm,
  sumReading,
  takenOff,
  UNBOUNDED,
} from "./reading.ts";
import { freeAndCached, readLowWatermark } from "./reclaimable.ts";
import { memoryUnreadable } from "../warning.ts";

/** Enough of numa_maps for its first line; the kernel walks page tables for each of the others. */
const FIRST_LINE_BYTES = 512;

/**
 * The memory nodes that a process may allocate on, where they aren't all of the machine's: those of
 * its cpuset (Mems_allowed_list of /proc/PID/status, which has the group's and its ancestors') and
 * of a policy that binds it (numactl --membind, NUMAPolicy=bind of a unit: numa_maps). The kernel
 * kills for want of memory on them while other nodes have plenty.
 *
 * The kernel tells no MemAvailable of a node: its own rule is applied to the sum over the nodes.
 *
 * Throws `machine-unreadable` where a node that counts can't be read.
 */
export function readMemoryNodes(
  files: MachineFiles,
  processId: ProcessId,
  fields: ReadonlyMap<string, number>,
): Bounds {
  const withMemory = parseKernelList(textOf(files, `${NODES_PATH}/has_memory`) ?? "");
  const nodes = nodesOf(files).filter((node) => withMemory?.has(node) ?? true);
  if (nodes.length < 2) return UNBOUNDED;
  const statusPath = `/proc/${processId}/status`;
  const list = /^Mems_allowed_list:\s*(\S+)$/m.exec(textOf(files, statusPath) ?? "")?.[1];
  const allowed = parseKernelList(list ?? "");
  if (allowed === undefined) {
    return {
      ...UNBOUNDED,
      warnings: [{
        code: "memory-nodes-unreadable",
        message: `The memory nodes of this process can't be read from ` +
          `'${files.locate(statusPath)}'; all of them are counted`,
      }],
    };
  }
  const bound = readBinding(files, processId);
  const usable = nodes.filter((node) => allowed.has(node) && (bound?.has(node) ?? true))
    .sort((one, other) => one - other);
  if (usable.length === nodes.length) return UNBOUNDED;
  const read = usable.map((node) => readNode(files, node));
  const name = `memory node${usable.length === 1 ? "" : "s"} ${usable.join(", ")}`;
  const terms = (field: string): ReadingTerm[] => read.flatMap((node) => node.term(field) ?? []);
  // One term for each field, which says where the first of them was read.
  const summed = (field: string): ReadingTerm | undefined => {
    const [first] = terms(field);
    return first && { ...first, name: field, bytes: sum(terms(field).map(({ bytes }) => bytes)) };
  };
  const huge = sum(read.map((node) => node.hugePageBytes));
  const total = summed("MemTotal");
  const free = summed("MemFree");
  if (total === undefined || free === undefined) {
    throw memoryUnreadable(
      "machine-unreadable",
      `The memory nodes of this process can't be read from '${files.locate(NODES_PATH)}'`,
      `it has none of ${list}`,
    );
  }
  const hugePages = takenOff({ name: "huge pages", path: total.path, bytes: huge });
  return {
    totals: [sumReading(name, huge > 0 ? [total, hugePages] : [total])],
    available: [freeAndCached(name, free, summed, readLowWatermark(files, fields))],
    warnings: [],
  };
}

/** All nodes, those without memory too. */
function nodesOf(files: MachineFiles): number[] {
  return files.subfolders(NODES_PATH)
    .flatMap((name) => /^node(\d{1,4})$/.exec(name)?.[1] ?? [])
    .map(Number);
}

/** The nodes that a policy binds the process to; nothing where none does. */
function readBinding(files: MachineFiles, processId: ProcessId): ReadonlySet<number> | undefined {
  const reading = files.read(`/proc/${processId}/numa_maps`, FIRST_LINE_BYTES);
  if (reading.kind !== "text") return undefined;
  const list = /^\S+ bind(?:=\w+)?:(\S+)/.exec(reading.text)?.[1];
  return list === undefined ? undefined : parseKernelList(list);
}

/** One node's fields, whose lines say the node before the name. */
function readNode(files: MachineFiles, node: number) {
  const folder = `${NODES_PATH}/node${node}`;
  const path = files.locate(`${folder}/meminfo`);
  const reading = files.read(`${folder}/meminfo`);
  const text = reading.kind === "text" ? reading.text : "";
  const fields = parseFields(text.replaceAll(/^Node \d+ /gm, ""));
  if (!fields.has("MemTotal") || !fields.has("MemFree")) {
    throw memoryUnreadable(
      "machine-unreadable",
      `Memory node ${node} can't be read from '${path}'`,
      reading.kind === "unreadable" ? reading.reason : "it has no 'MemTotal' and 'MemFree'",
    );
  }
  return {
    hugePageBytes: hugePageBytesBelow(files, `${folder}/hugepages`),
    term: (name: string): ReadingTerm | undefined => {
      const bytes = fields.get(name);
      return bytes === undefined ? undefined : { name, path, bytes };
    },
  };
}
