/** One line of /proc/PID/cgroup. */
export interface Membership {
  /** Controllers of a v1 hierarchy; empty for v2. */
  readonly controllers: readonly string[];
  readonly version: 1 | 2;
  /** As seen from this process's control group namespace: may start with `/..`. */
  readonly path: string;
}

/** One mounted control group hierarchy, from /proc/PID/mountinfo. */
export interface ControlGroupMount {
  readonly version: 1 | 2;
  /** Controllers of a v1 hierarchy. */
  readonly controllers: readonly string[];
  /** The group at the mount's root: `/` on a host, `/docker/ID` in many a container. */
  readonly root: string;
  readonly mountPoint: string;
}

/**
 * Where a group lies below a mount.
 *
 * `below`: at `names` under the mount point. `hidden`: some unnamed levels down first, since the
 * mount's root lies above this process's namespace, and the kernel shows no names up there.
 * `outside`: not under this mount at all.
 */
type Placement =
  | { readonly kind: "below"; readonly names: readonly string[] }
  | { readonly kind: "hidden"; readonly levels: number; readonly names: readonly string[] }
  | { readonly kind: "outside" };

/** Parses /proc/PID/cgroup: `ID:CONTROLLERS:PATH` lines, where the path may hold colons. */
export function parseMemberships(text: string): readonly Membership[] {
  const lines = text.matchAll(/^(\d+):([^:\n]*):(\/.*)$/gm);
  return [...lines].map(([, id, controllers = "", path = ""]) => ({
    controllers: controllers === "" ? [] : controllers.split(","),
    version: id === "0" && controllers === "" ? 2 : 1,
    path,
  }));
}

/**
 * Parses the control group mounts of /proc/PID/mountinfo. Of several mounts on one folder only the
 * last is kept, since it hides the others.
 */
export function parseControlGroupMounts(text: string): readonly ControlGroupMount[] {
  const byMountPoint = new Map<string, ControlGroupMount>();
  for (const line of text.split("\n")) {
    const [before = "", after] = line.split(" - ");
    if (after === undefined) continue;
    const [, , , root, mountPoint] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    if (root === undefined || mountPoint === undefined) continue;
    const place = unescapePath(mountPoint);
    byMountPoint.delete(place);
    if (type !== "cgroup" && type !== "cgroup2") continue;
    byMountPoint.set(place, {
      version: type === "cgroup2" ? 2 : 1,
      controllers: type === "cgroup2" ? [] : options.split(","),
      root: unescapePath(root),
      mountPoint: place,
    });
  }
  return [...byMountPoint.values()];
}

/**
 * Where `group` lies below a mount whose root is `mountRoot`, both as the kernel shows them: from
 * this process's control group namespace, with one `/..` for each level above it.
 */
export function placeBelow(mountRoot: string, group: string): Placement {
  const root = splitGroup(mountRoot);
  const own = splitGroup(group);
  if (root.ups === own.ups) {
    const contained = root.names.every((name, index) => own.names[index] === name);
    return contained
      ? { kind: "below", names: own.names.slice(root.names.length) }
      : { kind: "outside" };
  }
  if (root.ups > own.ups && root.names.length === 0) {
    return { kind: "hidden", levels: root.ups - own.ups, names: own.names };
  }
  return { kind: "outside" };
}

/** Joins a path that starts with a slash and names below it. */
export function joinGroup(start: string, names: readonly string[]): string {
  const joined = [start.replace(/\/+$/, ""), ...names].join("/");
  return joined === "" ? "/" : joined;
}

function splitGroup(path: string): { readonly ups: number; readonly names: readonly string[] } {
  let ups = 0;
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.length > 0) names.pop();
    else ups += 1;
  }
  return { ups, names };
}

/** mountinfo writes space, tab, newline and backslash as octal escapes. */
function unescapePath(path: string): string {
  return path.replace(
    /\\([0-7]{3})/g,
    (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
  );
}
