import { BrainjarError } from "../../budget/error.ts";
import { GB, MB } from "../../budget/size.ts";
import { deviceOf, type DeviceReading } from "../../machine/devices/reading.ts";
import type { ComputingDevice } from "../../plan/settings.ts";
import { didYouMean } from "../flags/did_you_mean.ts";

/** A CI provider's machine. */
interface Runner {
  /** What the provider's page says it has, in bytes. */
  readonly documentedBytes: number;
  /** What its system shows as its total. */
  readonly totalBytes: number;
  /** What a job finds available before it starts anything. */
  readonly availableBytes: number;
  /** A name that `--cpu` takes: the least that the provider's machines of this kind have. */
  readonly cpu: string;
  /** Its GPUs; absent where it has none. */
  readonly devices?: readonly ComputingDevice[];
  /** Where the documented figure comes from: the page's title. */
  readonly source: string;
  /** When the page was read, year and month. */
  readonly read: string;
}

const GITHUB = "GitHub Docs, GitHub-hosted runners reference";
const GITHUB_LARGER = "GitHub Docs, Larger runners reference";
const GITLAB_GPU = "GitLab Docs, GPU-enabled hosted runners";
const GITLAB_LINUX = "GitLab Docs, Hosted runners on Linux";
const GITLAB_MACOS = "GitLab, Hosted runners on macOS (issues 365695 and 107)";
const GITLAB_WINDOWS = "GitLab Docs, Hosted runners on Windows";
const READ = "2026-11";

/** What is left of the documented memory. */
interface System {
  /** Share of it that the system shows as its total. */
  readonly totalShare: number;
  /** What of that total is taken before a job's first step. */
  readonly takenBytes: number;
}

// No page documents these: they are allowances on the safe side. Linux on a machine of 16 GB shows
// 15.6 as MemTotal, and with a GitHub image's services some 14.7 as MemAvailable.
const UBUNTU: System = { totalShare: 0.97, takenBytes: 1 * GB };
const CONTAINER_HOST: System = { totalShare: 0.97, takenBytes: 0.75 * GB };
const CONTAINER: System = { totalShare: 1, takenBytes: 0.5 * GB };
const MACOS: System = { totalShare: 1, takenBytes: 3 * GB };
const WINDOWS: System = { totalShare: 1, takenBytes: 3 * GB };

function runner(gigabytes: number, system: System, cpu: string, source: string): Runner {
  const documentedBytes = gigabytes * GB;
  const totalBytes = Math.floor(documentedBytes * system.totalShare);
  const availableBytes = totalBytes - system.takenBytes;
  return { documentedBytes, totalBytes, availableBytes, cpu, source, read: READ };
}

// Documented as 16 GB. What its driver doesn't keep for itself, and CUDA gives out, is 14.56 GB, as
// many errors of programs that ran out of it say.
const TESLA_T4_BYTES = 14909 * MB;
const TESLA_T4: DeviceReading = {
  id: "cuda:0",
  backend: "cuda",
  kind: "device",
  isIntegrated: false,
  name: "Tesla T4",
  totalBytes: TESLA_T4_BYTES,
  availableBytes: TESLA_T4_BYTES,
  reservedBytes: 0,
  computeCapability: 75,
  multiprocessors: 40,
  sources: [
    { figure: "total", name: "--runner", bytes: TESLA_T4_BYTES, decides: true },
    { figure: "available", name: "--runner", bytes: TESLA_T4_BYTES, decides: true },
  ],
};

/**
 * The runners that `--runner` knows: `PROVIDER-LABEL`. GitHub's are those of public repositories;
 * `-private` are the smaller ones of private repositories. One with a GPU is rented by name: its
 * label is what its owner calls it, here that of GitHub's size.
 */
export const RUNNERS: Readonly<Record<string, Runner>> = {
  "github-ubuntu": runner(16, UBUNTU, "x86-64-v3", GITHUB),
  "github-ubuntu-private": runner(8, UBUNTU, "x86-64-v3", GITHUB),
  "github-ubuntu-slim": runner(5, CONTAINER, "x86-64-v3", GITHUB),
  "github-ubuntu-arm": runner(16, UBUNTU, "neoverse-n1", GITHUB),
  "github-windows": runner(16, WINDOWS, "x86-64-v3", GITHUB),
  "github-windows-private": runner(8, WINDOWS, "x86-64-v3", GITHUB),
  "github-windows-arm": runner(16, WINDOWS, "neoverse-n1", GITHUB),
  "github-macos": runner(7, MACOS, "apple-m1", GITHUB),
  "github-macos-intel": runner(14, MACOS, "x86-64-v3", GITHUB),
  "github-gpu-t4-4-core": {
    ...runner(28, UBUNTU, "x86-64-v3", GITHUB_LARGER),
    devices: [{ memory: TESLA_T4, device: deviceOf(TESLA_T4) }],
  },
  "gitlab-saas-linux-medium-amd64-gpu-standard": {
    ...runner(15, CONTAINER_HOST, "x86-64-v3", GITLAB_GPU),
    devices: [{ memory: TESLA_T4, device: deviceOf(TESLA_T4) }],
  },
  "gitlab-saas-linux-small": runner(8, CONTAINER_HOST, "x86-64-v3", GITLAB_LINUX),
  "gitlab-saas-linux-medium": runner(16, CONTAINER_HOST, "x86-64-v3", GITLAB_LINUX),
  "gitlab-saas-linux-large": runner(32, CONTAINER_HOST, "x86-64-v3", GITLAB_LINUX),
  "gitlab-saas-linux-xlarge": runner(64, CONTAINER_HOST, "x86-64-v3", GITLAB_LINUX),
  "gitlab-saas-linux-2xlarge": runner(128, CONTAINER_HOST, "x86-64-v3", GITLAB_LINUX),
  "gitlab-saas-linux-small-arm64": runner(8, CONTAINER_HOST, "neoverse-n1", GITLAB_LINUX),
  "gitlab-saas-linux-medium-arm64": runner(16, CONTAINER_HOST, "neoverse-n1", GITLAB_LINUX),
  "gitlab-saas-linux-large-arm64": runner(32, CONTAINER_HOST, "neoverse-n1", GITLAB_LINUX),
  "gitlab-saas-macos-medium": runner(8, MACOS, "apple-m1", GITLAB_MACOS),
  "gitlab-saas-macos-large": runner(16, MACOS, "apple-m2", GITLAB_MACOS),
  "gitlab-saas-windows-medium": runner(7.5, WINDOWS, "x86-64-v3", GITLAB_WINDOWS),
};

/**
 * A CI provider's machine by name.
 *
 * @throws {BrainjarError} `unknown-runner`, with those that are known.
 *
 * @example
 * ```ts
 * import { findRunner } from "./runners.ts";
 * if (findRunner("github-ubuntu").documentedBytes !== 16 * 1024 ** 3) throw new Error("16 GB");
 * ```
 */
export function findRunner(name: string): Runner {
  const found = Object.hasOwn(RUNNERS, name) ? RUNNERS[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(RUNNERS);
  throw new BrainjarError("unknown-runner", `Unknown runner "${name}"`, {
    hint: didYouMean(name, names, `Known are ${names.join(", ")}`),
  });
}
