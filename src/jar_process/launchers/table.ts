import { MB } from "../../budget/size.ts";
import type { Launcher } from "./launcher.ts";

/**
 * What a jar's own process holds that a run's doesn't: the protocol's schema and the package that reads
 * it (7.6 MB of anonymous memory, measured at its highest).
 */
export const PROTOCOL_BYTES: number = 8 * MB;

/**
 * What control groups count beside what the jar's process fills itself: measured with Slurm 0.5 to
 * 0.9 MB (the step's own pages, its groups' slack), with podman's runtime 0.5 MB. One MB more keeps a
 * jar from flickering at its edge; limits are whole MB everywhere, so that each takes them.
 */
export const CONTROL_GROUP = { addedBytes: 2 * MB + PROTOCOL_BYTES, stepBytes: MB } as const;

/** A process on this machine starts at once; a busy machine takes its time. */
const HERE_SECONDS = 120;

/** A queue may be long; who knows a longer one says --start-timeout. */
const QUEUE_SECONDS = 600;

/** A pod's image may have to be fetched first. */
const IMAGE_SECONDS = 600;

const CONTAINER = {
  isHere: true,
  limit: CONTROL_GROUP,
  program: "installed",
  operand: "IMAGE",
  startSeconds: IMAGE_SECONDS,
} as const;

/**
 * What is run in a pod: one container, held to its limit, with its request beside it. Devices are asked
 * for as NVIDIA's are.
 */
const POD = JSON.stringify({
  apiVersion: "v1",
  spec: {
    restartPolicy: "Never",
    containers: [{
      name: "jar",
      image: "{operand-json}",
      stdin: true,
      stdinOnce: true,
      command: "{command-json}",
      env: [{ name: "MALLOC_ARENA_MAX", value: "1" }],
      resources: {
        requests: { memory: "{request}" },
        limits: { memory: "{memory}", "{gpu-limit}": 0 },
      },
    }],
  },
}).replace(/"(\{(?:operand|command)-json\})"/g, "$1").replace(',"{gpu-limit}":0', "{gpu-limit}");

/** Options of kubectl's that every one of its commands takes and that say where the pod is. */
const CLUSTER = [
  ...["--context", "--kubeconfig", "--cluster", "--server", "-s"],
  ...["--namespace", "-n", "--user", "--token", "--as"],
];

/** Words of a program that runs containers as Docker's does. */
function containerWords(program: string, ...more: readonly string[]): readonly string[] {
  return [
    program,
    "run",
    "--rm",
    "--interactive",
    "--name={name}",
    "--memory={memory}b",
    "--memory-swap={memory}b",
    ...more,
    "--env=MALLOC_ARENA_MAX=1",
    "{words}",
    "{operand}",
    "{command}",
  ];
}

/** Launchers by name, besides `in-process`, which starts nothing. */
export const LAUNCHERS: readonly Launcher[] = [
  {
    name: "process",
    summary: "a process of its own on this machine, held to no limit",
    template: ["{command}"],
    isHere: true,
    program: "own",
    startSeconds: HERE_SECONDS,
  },
  {
    name: "systemd",
    summary: "a scope of systemd's with MemoryMax, the user's own unless root asks",
    template: [
      "systemd-run",
      "{user}",
      "--scope",
      "--quiet",
      "--collect",
      "--unit={name}",
      "--property=MemoryMax={memory}",
      "--property=MemorySwapMax=0",
      "{words}",
      "--",
      "{command}",
    ],
    isHere: true,
    limit: CONTROL_GROUP,
    program: "own",
    startSeconds: HERE_SECONDS,
  },
  {
    name: "slurm",
    summary: "srun with --mem, and --gpus where a device is needed",
    template: [
      "srun",
      "--ntasks=1",
      // Where the run is a job itself its jars are steps of it: they take turns on its processors.
      "--overlap",
      "--mem={memory-mib}M",
      "--gpus={gpus}",
      "--exclude={avoid}",
      "--job-name={name}",
      "--unbuffered",
      "--kill-on-bad-exit=1",
      "{words}",
      "{command}",
    ],
    isHere: false,
    limit: CONTROL_GROUP,
    program: "own",
    queue: ["squeue", "--noheader", "--name={name}", "--format=%T %R"],
    offers: {
      command: [
        "sinfo",
        "--noheader",
        "--Node",
        "--responding",
        "--states=idle,mixed,allocated,completing,planned",
        "--format=%N|%mMi|%G",
      ],
      choosing: ["--partition", "-p", "--clusters", "-M"],
    },
    startSeconds: QUEUE_SECONDS,
  },
  {
    name: "docker",
    summary: "docker run with --memory, of an image that has brainjar",
    template: containerWords("docker", "--gpus={gpus}"),
    ...CONTAINER,
  },
  {
    name: "podman",
    summary: "the same with podman",
    template: containerWords("podman"),
    ...CONTAINER,
  },
  {
    name: "kubernetes",
    summary: "kubectl run of an image that has brainjar, with a request and a limit",
    template: [
      "kubectl",
      "run",
      "{name}",
      "--quiet",
      "--rm",
      "--stdin",
      "--restart=Never",
      // It gives up after one minute otherwise; the run has a limit of its own.
      "--pod-running-timeout=24h",
      "--image={operand}",
      `--overrides=${POD}`,
      "{words}",
    ],
    ...CONTAINER,
    isHere: false,
    offers: {
      command: [
        "kubectl",
        "get",
        "nodes",
        // A filter on what most nodes don't say would leave them all out.
        "--output=jsonpath={range .items[*]}{.metadata.name}|{.status.allocatable.memory}|" +
        "{.status.allocatable.nvidia\\.com/gpu}|{.spec.unschedulable}{'\\n'}{end}",
      ],
      choosing: CLUSTER,
    },
    queue: [
      "kubectl",
      "get",
      "pod",
      "{name}",
      "--ignore-not-found",
      '--output=jsonpath={range .status.conditions[?(@.reason=="Unschedulable")]}{.message} {end}' +
      "{range .status.containerStatuses[*].state.waiting}{.reason} {.message}{end}",
    ],
    remove: [
      ...["kubectl", "delete", "pod", "{name}", "--ignore-not-found", "--wait=false"],
    ],
  },
  {
    name: "compose",
    summary: "a service of a Compose file that has its image and its limits",
    template: ["docker", "compose", "{words}", "run", "--rm", "-T", "{operand}"],
    ...CONTAINER,
    operand: "SERVICE",
  },
  {
    name: "attach",
    summary: "kubectl attach to a pod that is there, and held to its limit",
    template: [
      "kubectl",
      "attach",
      "--quiet",
      "--stdin",
      `--pod-running-timeout=${IMAGE_SECONDS}s`,
      "{words}",
      "{operand}",
    ],
    ...CONTAINER,
    operand: "POD",
    isHere: false,
  },
  {
    name: "socket",
    summary: "whatever a socket of this machine starts, and holds to its limit",
    // A jar that was told to end has its last lines to say.
    template: ["socat", "-t", "60", "-", "UNIX-CONNECT:{operand}"],
    isHere: true,
    limit: CONTROL_GROUP,
    program: "installed",
    operand: "PATH",
    startSeconds: HERE_SECONDS,
  },
  {
    name: "ssh",
    summary: "brainjar on another machine, held to no limit",
    // Of an option that stands twice ssh takes the first.
    template: [
      "ssh",
      "{words}",
      "-T",
      "-o",
      "BatchMode=yes",
      "-o",
      "ConnectTimeout=30",
      "{operand}",
      "{command}",
    ],
    operand: "HOST",
    isHere: false,
    program: "installed",
    isShell: true,
    startSeconds: HERE_SECONDS,
  },
];

/** The jars are in the run's own process. */
export const IN_PROCESS = "in-process";
