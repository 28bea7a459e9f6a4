import type { FileReading, MachineFiles } from "../../src/machine/machine_files.ts";

/** A tree in memory: text, or an Error for a file that is there and can't be read. */
export type FakeTree = Readonly<Record<string, string | Error>>;

/** Files that a test makes up, so that failures which root's rights hide can be tested. */
export function fakeFiles(tree: FakeTree): MachineFiles {
  const below = (path: string) => (path === "/" ? "/" : `${path}/`);
  return {
    locate: (path) => path,
    read: (path): FileReading => {
      const content = Object.hasOwn(tree, path) ? tree[path] : undefined;
      if (content === undefined) return { kind: "absent" };
      if (content instanceof Error) return { kind: "unreadable", reason: content.message };
      return { kind: "text", text: content };
    },
    readLink: (path) => {
      const content = tree[path];
      return typeof content === "string" ? content : undefined;
    },
    systemMemory: () => undefined,
    exists: (path) => Object.keys(tree).some((file) => `${file}/`.startsWith(`${path}/`)),
    isFolder: (path) => Object.keys(tree).some((file) => file.startsWith(below(path))),
    names: (path) => [
      ...new Set(
        Object.keys(tree)
          .filter((file) => file.startsWith(below(path)))
          .map((file) => file.slice(below(path).length).split("/")[0] ?? ""),
      ),
    ],
    subfolders: (path) => [
      ...new Set(
        Object.keys(tree)
          .filter((file) => file.startsWith(below(path)))
          .map((file) => file.slice(below(path).length).split("/"))
          .filter((names) => names.length > 1)
          .map((names) => names[0] ?? ""),
      ),
    ],
  };
}
