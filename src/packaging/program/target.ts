/** A system as npm packages name it. */
export type TargetOs = "linux" | "darwin" | "win32";

/** A platform that brainjar is built for. */
export interface Target {
  /** Its name for `deno compile --target`. */
  readonly name: string;
  readonly os: TargetOs;
  /** As npm packages name it. */
  readonly processor: "x64" | "arm64";
}

/** Every platform that Deno compiles programs for and the engine is built for. */
export const TARGETS: readonly Target[] = [
  { name: "x86_64-unknown-linux-gnu", os: "linux", processor: "x64" },
  { name: "aarch64-unknown-linux-gnu", os: "linux", processor: "arm64" },
  { name: "x86_64-apple-darwin", os: "darwin", processor: "x64" },
  { name: "aarch64-apple-darwin", os: "darwin", processor: "arm64" },
  { name: "x86_64-pc-windows-msvc", os: "win32", processor: "x64" },
];
