import { sum } from "../../budget/sum.ts";
import type { ControlGroup } from "./control_groups.ts";
import { joinGroup } from "./control_group_path.ts";
import { type MachineFiles, textOf } from "../machine_files.ts";
import { loadModule } from "../../load_module.ts";
import { type MachineWarning, memoryUnreadable } from "../warning.ts";

/** One reading of a group, where it was read and what it said. */
interface GroupFigure {
  /** The file's own name: `memory.max`. */
  readonly name: string;
  /** Where it lies, root included. */
  readonly path: string;
  readonly bytes: number;
}

/** What a control group allows and holds. Present only where some limit is set. */
export interface ControlGroupMemory {
  readonly group: ControlGroup;
  /** Never empty. */
  readonly limits: readonly GroupFigure[];
  readonly usage: GroupFigure;
  /** File cache the kernel can take back, active and inactive; 0 where it can't be read. */
  readonly reclaimable: GroupFigure;
  /** Kernel memory that can be taken back (names and inodes of files); 0 where it isn't told. */
  readonly kernel: GroupFigure;
}

/** A group's memory, if it is limited, and what was doubtful about the reading. */
interface ControlGroupReading {
  readonly memory?: ControlGroupMemory;
  readonly warnings: readonly MachineWarning[];
}

/**
 * Limits from here on mean "none": v1 writes 2^63 less a page, whose size differs (4 to 64 KiB). No
 * machine has an exbibyte.
 */
const UNLIMITED_BYTES = 2 ** 60;

/** Kernel memory that can't be taken back, as /proc/meminfo names it. */
const UNRECLAIMABLE = ["SUnreclaim", "KernelStack", "PageTables", "SecPageTables", "Percpu"];

/** The files of a hierarchy, which name the same things differently. */
const FILES = {
  1: {
    limits: ["memory.limit_in_bytes"],
    usage: "memory.usage_in_bytes",
    // The `total_` figures include the groups below, as the usage does.
    cache: ["total_inactive_file", "total_active_file"],
    kernel: "memory.kmem.usage_in_bytes",
  },
  2: {
    limits: ["memory.max", "memory.high"],
    usage: "memory.current",
    cache: ["inactive_file", "active_file"],
    kernel: "slab_reclaimable",
  },
} as const;

/**
 * Reads what a control group allows and holds.
 *
 * `memory.high` counts as a limit beside `memory.max`. It is not one that kills: above it the kernel
 * reclaims and slows the group down, and anonymous memory without swap cannot be reclaimed, so a
 * process above it lives but hardly moves. Memory above it is none that can be given out.
 * Limits on swap (`memory.memsw`, `memory.swap.max`) are not read, since swap is never given out.
 *
 * `fields` are those of /proc/meminfo. With `highest`, the group is the topmost that can be seen,
 * and a tighter limit of the groups above it counts too, where the kernel tells it (v1).
 *
 * Throws `control-group-unreadable` where a limit is there but can't be read (it may be anything),
 * or a limit is set but the usage can't be read: counting nothing as used would give out memory that
 * is in use. File cache that can't be read counts as 0, the safe choice, with a warning.
 */
export async function readControlGroupMemory(
  files: MachineFiles,
  group: ControlGroup,
  options: { readonly highest?: boolean; readonly fields?: ReadonlyMap<string, number> } = {},
): Promise<ControlGroupReading> {
  const names = FILES[group.version];
  const own = new GroupFiles(files, group);
  const limits: GroupFigure[] = [];
  for (const name of names.limits) {
    const bytes = own.readAmount(name);
    if (bytes === undefined || bytes >= UNLIMITED_BYTES) continue;
    limits.push({ name, path: own.locate(name), bytes });
  }
  const hidden = options.highest === true ? readHiddenLimit(own) : undefined;
  if (hidden !== undefined && limits.every((limit) => hidden.bytes < limit.bytes)) {
    limits.push(hidden);
  }
  if (limits.length === 0) return { warnings: [] };

  const used = own.readAmount(names.usage);
  if (used === undefined) throw own.unreadable(names.usage, "it does not exist");
  const usage = { name: names.usage, path: own.locate(names.usage), bytes: used };
  const path = own.locate("memory.stat");
  const cache = own.readStatistics(names.cache);
  const found = await readKernelMemory(own, options.fields ?? new Map());
  if (cache === undefined) {
    const kernel = { ...found, bytes: Math.min(found.bytes, used) };
    return {
      memory: {
        group,
        limits,
        usage,
        reclaimable: { name: "memory.stat", path, bytes: 0 },
        kernel,
      },
      warnings: [{
        code: "control-group-statistics-unreadable",
        message: `The file cache of control group '${group.name}' can't be read from '${path}'; ` +
          "none of it is counted as available",
      }],
    };
  }
  // The statistics lag behind the usage, and cache can't be more than what is used.
  const bytes = Math.min(sum(cache), used);
  const kernel = { ...found, bytes: Math.min(found.bytes, used - bytes) };
  return {
    memory: {
      group,
      limits,
      usage,
      reclaimable: { name: names.cache.join(" + "), path, bytes },
      kernel,
    },
    warnings: [],
  };
}

/**
 * Kernel memory of a group that the kernel takes back before it kills, as its own rule for
 * MemAvailable counts it: less half of it or the low watermark, whichever is less.
 *
 * Version 2 tells it by itself (`slab_reclaimable`). Version 1 tells the sum of all kernel memory
 * (`memory.kmem.usage_in_bytes`), what can't be taken back among it. That can't be more than there
 * is of it on the whole machine, most of which belongs to no group: so the larger of that and of
 * what the rule keeps is taken off. On machines with much of it little or nothing is left, which is
 * the safe side.
 */
async function readKernelMemory(
  own: GroupFiles,
  fields: ReadonlyMap<string, number>,
): Promise<GroupFigure> {
  const isFirst = own.group.version === 1;
  const name = FILES[own.group.version].kernel;
  const path = own.locate(isFirst ? name : "memory.stat");
  const [used = 0] = isFirst ? [own.readAmount(name)] : own.readStatistics([name]) ?? [];
  const reclaimable = isFirst ? Math.min(used, fields.get("SReclaimable") ?? 0) : used;
  if (reclaimable === 0) return { name, path, bytes: 0 };
  const { keptOfCache, readLowWatermark } = await loadModule<
    typeof import("../memory/reclaimable.ts")
  >(import.meta, "../memory/reclaimable.ts");
  const kept = keptOfCache(reclaimable, readLowWatermark(own.files, fields));
  const others = isFirst ? sum(UNRECLAIMABLE.map((field) => fields.get(field) ?? 0)) : 0;
  const bytes = Math.max(0, Math.min(reclaimable, used - Math.max(kept, others)));
  return { name: `${name} less what is kept`, path, bytes };
}

/**
 * The tightest limit above a v1 group, as the kernel itself sums it up: it counts ancestors that a
 * container's mount does not show. Nothing where there is none, and nothing on v2, whose kernel does
 * not tell.
 */
function readHiddenLimit(own: GroupFiles): GroupFigure | undefined {
  if (own.group.version !== 1) return undefined;
  const name = "hierarchical_memory_limit";
  const bytes = own.readStatistics([name])?.[0];
  if (bytes === undefined || bytes >= UNLIMITED_BYTES) return undefined;
  return { name, path: own.locate("memory.stat"), bytes };
}

/** The files of one control group. */
class GroupFiles {
  constructor(readonly files: MachineFiles, readonly group: ControlGroup) {}

  locate(name: string): string {
    return this.files.locate(this.#path(name));
  }

  /** A file of one number; Infinity for `max`; nothing where the file isn't there. */
  readAmount(name: string): number | undefined {
    const reading = this.files.read(this.#path(name));
    if (reading.kind === "absent") return undefined;
    if (reading.kind === "unreadable") throw this.unreadable(name, reading.reason);
    const text = reading.text.trim();
    if (text === "max") return Infinity;
    if (/^\d{1,20}$/.test(text)) return Number(text);
    throw this.unreadable(name, `it says '${text.slice(0, 40)}', which is no size`);
  }

  /** The fields of memory.stat, all of them or nothing. */
  readStatistics(fields: readonly string[]): readonly number[] | undefined {
    const text = textOf(this.files, this.#path("memory.stat")) ?? "";
    const values = fields.flatMap((field) =>
      new RegExp(`^${field} (\\d{1,20})$`, "m").exec(text)?.slice(1).map(Number) ?? []
    );
    return values.length === fields.length ? values : undefined;
  }

  unreadable(name: string, reason: string) {
    return memoryUnreadable(
      "control-group-unreadable",
      `The memory of control group '${this.group.name}' can't be read from '${this.locate(name)}'`,
      reason,
    );
  }

  #path(name: string): string {
    return joinGroup(this.group.folder, [name]);
  }
}
