import { assertEquals } from "@std/assert";
import {
  joinGroup,
  parseControlGroupMounts,
  parseMemberships,
  placeBelow,
} from "../../src/machine/control_groups/control_group_path.ts";

const PLACES: readonly [root: string, group: string, expected: string][] = [
  ["/", "/", "below:"],
  ["/", "/a/b", "below:a/b"],
  ["/docker/a", "/docker/a", "below:"],
  ["/docker/a", "/docker/a/b", "below:b"],
  ["/docker/a", "/docker/ab", "outside"],
  ["/docker/a", "/", "outside"],
  ["/..", "/../b", "below:b"],
  ["/..", "/", "hidden:1:"],
  ["/../..", "/c", "hidden:2:c"],
  ["/../..", "/../c", "hidden:1:c"],
  ["/", "/../b", "outside"],
  ["/../x", "/", "outside"],
  ["/a/../b", "/b/c", "below:c"],
];

for (const [root, group, expected] of PLACES) {
  Deno.test(`control group path: ${group} under a mount of ${root} is ${expected}`, () => {
    const placement = placeBelow(root, group);
    const names = placement.kind === "outside" ? "" : placement.names.join("/");
    const shown = placement.kind === "outside"
      ? "outside"
      : placement.kind === "hidden"
      ? `hidden:${placement.levels}:${names}`
      : `below:${names}`;
    assertEquals(shown, expected);
  });
}

Deno.test("control group path: a group's path may hold colons and blanks", () => {
  assertEquals(parseMemberships("4:memory:/a:b/c d\n0::/x\nnonsense\n1:name=systemd:/\n"), [
    { controllers: ["memory"], version: 1, path: "/a:b/c d" },
    { controllers: [], version: 2, path: "/x" },
    { controllers: ["name=systemd"], version: 1, path: "/" },
  ]);
});

Deno.test("control group path: mounts are unescaped, and a later one hides an earlier", () => {
  const text = [
    "1 0 0:1 / /sys/fs/my\\040groups rw shared:1 master:2 - cgroup cgroup rw,memory,cpu",
    "2 0 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
    "3 0 0:3 /inner /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
    "4 0 0:4 / /other rw - cgroup2 cgroup2 rw",
    "5 0 0:5 / /other rw - tmpfs tmpfs rw",
    "cut off",
  ].join("\n");
  assertEquals(parseControlGroupMounts(text), [
    {
      version: 1,
      controllers: ["rw", "memory", "cpu"],
      root: "/",
      mountPoint: "/sys/fs/my groups",
    },
    { version: 2, controllers: [], root: "/inner", mountPoint: "/sys/fs/cgroup" },
  ]);
});

Deno.test("control group path: joining never doubles a slash", () => {
  assertEquals([joinGroup("/", []), joinGroup("/", ["a"]), joinGroup("/a/", ["b"])], [
    "/",
    "/a",
    "/a/b",
  ]);
});
