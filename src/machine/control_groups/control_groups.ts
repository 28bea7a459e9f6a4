import {
  type ControlGroupMount,
  joinGroup,
  type Membership,
  parseControlGroupMounts,
  parseMemberships,
  placeBelow,
} from "./control_group_path.ts";
import { type MachineFiles, type ProcessId, textOf } from "../machine_files.ts";
import { type MachineWarning, memoryUnreadable } from "../warning.ts";

/** A control group that can bound this process's memory: its own or an ancestor's. */
export interface ControlGroup {
  readonly version: 1 | 2;
  /** The group as a person knows it: `/user.slice/job`. */
  readonly name: string;
  /** Its folder, from the root of the files. */
  readonly folder: string;
}

/** Every visible group of a process that can bound its memory, its own first. */
interface ControlGroups {
  readonly groups: readonly ControlGroup[];
  readonly warnings: readonly MachineWarning[];
}

/**
 * How many folders are looked through for a group whose name a control group namespace hides. A
 * host has hundreds of groups; a search of more would cost more than the rest of the reading.
 */
const MAXIMUM_SEARCHED_GROUPS = 4096;

/**
 * Finds the memory groups a process is in and all their ancestors up to the mount's root, in the v1
 * hierarchy of the memory controller and in v2 (on a hybrid host both are there and only one has
 * memory files).
 *
 * A mount need not show the process's own group: containers mount a subtree, a mount can be older
 * than the group, a namespace can hide names. Then the nearest group that is shown counts, with a
 * warning, because a limit too many refuses where a limit too few would give out what isn't there.
 *
 * Throws `control-group-unreadable` where /proc/PID/cgroup or mountinfo is there but can't be read.
 * A kernel without control groups has neither, and no groups.
 */
export function findControlGroups(files: MachineFiles, processId: ProcessId): ControlGroups {
  const memberships = parseMemberships(readList(files, `/proc/${processId}/cgroup`));
  const mounts = parseControlGroupMounts(readList(files, `/proc/${processId}/mountinfo`));
  const groups: ControlGroup[] = [];
  const warnings: MachineWarning[] = [];
  const first = memberships.find((one) => one.controllers.includes("memory"));
  const second = memberships.find((one) => one.version === 2);
  for (const membership of [first, second]) {
    if (membership === undefined) continue;
    const candidates = mounts.filter((mount) =>
      mount.version === membership.version &&
      (mount.version === 2 || mount.controllers.includes("memory"))
    );
    // With the memory controller on v1, an unmounted v2 hierarchy holds no memory limit.
    if (candidates.length === 0 && (membership.path === "/" || membership !== (first ?? second))) {
      continue;
    }
    const found = locate(files, processId, membership, candidates);
    groups.push(...found.groups);
    warnings.push(...found.warnings);
  }
  return { groups, warnings };
}

/** Looks for a group under every mount of its hierarchy and takes the one that shows most of it. */
function locate(
  files: MachineFiles,
  processId: ProcessId,
  membership: Membership,
  mounts: readonly ControlGroupMount[],
): ControlGroups {
  const shown = mounts
    .map((mount) => ({ mount, ...deepestShown(files, processId, membership, mount) }))
    .filter((one) => one.names !== undefined)
    // The own group's folder before an ancestor's, then the mount that shows most ancestors.
    .sort((left, right) =>
      Number(right.complete) - Number(left.complete) ||
      left.mount.root.length - right.mount.root.length
    );
  const best = shown[0];
  if (best === undefined || best.names === undefined) {
    return {
      groups: [],
      warnings: [{
        code: "control-group-unseen",
        message: `This process is in control group '${membership.path}', which is mounted ` +
          "nowhere it can see; a memory limit of that group is not counted",
      }],
    };
  }
  const { mount, names } = best;
  const groups = Array.from({ length: names.length + 1 }, (_, index): ControlGroup => {
    const kept = names.slice(0, names.length - index);
    return {
      version: mount.version,
      name: joinGroup(mount.root, kept),
      folder: joinGroup(mount.mountPoint, kept),
    };
  });
  if (best.complete) return { groups, warnings: [] };
  const nearest = files.locate(groups[0]?.folder ?? mount.mountPoint);
  return {
    groups,
    warnings: [{
      code: "control-group-stale",
      message: `This process is in control group '${membership.path}', which its mounts do not ` +
        `show; the nearest group they show, '${nearest}', is counted instead`,
    }],
  };
}

/** The names below the mount point of the deepest group that exists; none where nothing does. */
function deepestShown(
  files: MachineFiles,
  processId: ProcessId,
  membership: Membership,
  mount: ControlGroupMount,
): { readonly names?: readonly string[]; readonly complete: boolean } {
  const placement = placeBelow(mount.root, membership.path);
  if (placement.kind === "hidden") {
    const names = searchHidden(files, processId, mount.mountPoint, placement);
    if (names !== undefined) return { names, complete: true };
  }
  const wanted = placement.kind === "below" ? placement.names : [];
  for (let depth = wanted.length; depth >= 0; depth -= 1) {
    const names = wanted.slice(0, depth);
    if (!files.isFolder(joinGroup(mount.mountPoint, names))) continue;
    return { names, complete: placement.kind === "below" && depth === wanted.length };
  }
  return { complete: false };
}

/** Finds the group that holds the process, so many unnamed levels below the mount point. */
function searchHidden(
  files: MachineFiles,
  processId: ProcessId,
  mountPoint: string,
  hidden: { readonly levels: number; readonly names: readonly string[] },
): readonly string[] | undefined {
  const member = memberNumber(files, processId);
  if (member === undefined) return undefined;
  let looked = 0;
  let level: readonly (readonly string[])[] = [[]];
  for (let depth = 0; depth < hidden.levels; depth += 1) {
    const next: (readonly string[])[] = [];
    for (const names of level) {
      for (const name of files.subfolders(joinGroup(mountPoint, names))) {
        looked += 1;
        if (looked > MAXIMUM_SEARCHED_GROUPS) return undefined;
        next.push([...names, name]);
      }
    }
    level = next;
  }
  return level.map((names) => [...names, ...hidden.names]).find((names) => {
    const members = textOf(files, joinGroup(mountPoint, [...names, "cgroup.procs"]));
    return members?.split("\n").includes(member);
  });
}

/** `self` as the number that `cgroup.procs` knows it by. */
function memberNumber(files: MachineFiles, processId: ProcessId): string | undefined {
  if (processId !== "self") return String(processId);
  return /^\d+/.exec(textOf(files, "/proc/self/stat") ?? "")?.[0];
}

function readList(files: MachineFiles, path: string): string {
  const reading = files.read(path);
  if (reading.kind === "text") return reading.text;
  if (reading.kind === "absent") return "";
  throw memoryUnreadable(
    "control-group-unreadable",
    `The control groups of this process can't be read from '${files.locate(path)}'`,
    reading.reason,
  );
}
