import { formatAmount } from "../budget/size.ts";
import { allocationText } from "./allocation_text.ts";
import type { Issue, NoMachineIssue, SumIssue, Validation, Warning } from "../budget/validation.ts";
import { formatPercent } from "./format.ts";
import { preflightText } from "./preflight_text.ts";

/** The sentence for an issue (src/budget/README.md, "Layer 1"); of layer 2 and 3 it is theirs. */
export function issueMessage(issue: Issue): string {
  switch (issue.code) {
    case "over-limit":
      return `Instance '${issue.id}' needs ${formatAmount(issue.footprintBytes)} ` +
        `but its RAM limit is ${formatAmount(issue.ramLimitBytes)}`;
    case "allocation-refused":
      return inOneLine(allocationText(issue.allocation));
    case "load-refused":
      return inOneLine(preflightText(issue.preflight));
    case "available-memory":
      return `Only ${formatAmount(issue.availableBytes)} would stay available${onPool(issue)} ` +
        `beside the jars, less than the ${formatAmount(issue.leastBytes)} that are kept free`;
    case "no-such-device": {
      const names = issue.ids.map((id) => `'${id}'`);
      const who = names.length === 1 ? "Instance" : "Instances";
      return `${who} ${listed(names)} need${names.length === 1 ? "s" : ""} ` +
        `${formatAmount(issue.requiredBytes)} on ${issue.pool}, which this machine does not have`;
    }
    case "no-machine-offered":
      return `'${issue.id}' asks ${issue.launcher} for ${formatAmount(issue.memoryBytes)}` +
        offeredWords(issue);
    default: {
      const limit = issue.limit === "usable" ? "safe threshold" : "currently available memory";
      return `Total requirements${onPool(issue)} (${formatAmount(issue.requiredBytes)}) exceed ` +
        `${limit} (${formatAmount(issue.limitBytes)}) by ${formatAmount(issue.excessBytes)}`;
    }
  }
}

/** What of a scheduler's machines isn't enough. */
function offeredWords({ memoryBytes, gpus, machines, largest }: NoMachineIssue): string {
  if (machines === 0) return ", which offers no machine";
  const devices = gpus === 0 ? "" : ` with ${gpus === 1 ? "a device" : `${gpus} devices`}`;
  if (largest === undefined) return `${devices}, and none of its machines has as many`;
  const short = formatAmount(memoryBytes - largest.memoryBytes);
  return `${devices}, ${short} more than its largest machine has ` +
    `(${largest.name}: ${formatAmount(largest.memoryBytes)})`;
}

/** Which pool a figure is of, where it isn't RAM. */
function onPool(figure: { readonly pool?: string } | SumIssue): string {
  return "pool" in figure && figure.pool !== undefined ? ` on ${figure.pool}` : "";
}

/** What the issue's code means for the jars, in words. */
export function issueCause(issue: Issue): string {
  switch (issue.code) {
    case "would-be-killed":
      if (issue.counts !== undefined) {
        return "Beyond this limit the kernel refuses allocations: the load would fail " +
          "(would-be-killed)";
      }
      return `Even the floor (${formatAmount(issue.floorBytes)}) does not fit: held to this ` +
        `limit, the kernel would kill (would-be-killed)`;
    case "would-thrash":
      return `The floor (${formatAmount(issue.floorBytes)}) fits, the working set ` +
        `(${formatAmount(issue.workingSetBytes)}) does not: alive, but reading weights from ` +
        `disk for every token (would-thrash)`;
    case "over-reserved":
      return `The footprints fit, only the RAM limits are too large (over-reserved)`;
    case "over-limit":
      return `With its smallest context it is ${formatAmount(issue.excessBytes)} over (over-limit)`;
    case "allocation-refused":
      return `Layer 2 of a run would refuse '${issue.id}', the jars before it being ` +
        `there (allocation-refused)`;
    case "load-refused":
      return `Layer 3 of a run would refuse '${issue.id}', the jars before it being ` +
        `there (load-refused)`;
    case "available-memory":
      return `The watch of a run would kill the least important jar (available-memory)`;
    case "device-memory":
      return "What is too little on a device is too little: the load fails there, or the first " +
        "thought ends the process (device-memory)";
    case "no-such-device":
      return "The engine drives no such device here; brainjar memory lists those that there are " +
        "(no-such-device)";
    case "no-machine-offered":
      return issue.machines === 0
        ? `Check its options and which machines are up, or start the jar with ` +
          `--launcher-${issue.id} (no-machine-offered)`
        : `Give it a smaller --context-size or model, or start it elsewhere with ` +
          `--launcher-${issue.id} (no-machine-offered)`;
  }
}

/** A layer's answer of several lines as one: its title, then its figures. */
function inOneLine(text: string): string {
  const [title = "", ...rows] = text.split("\n");
  const figures = rows.map((row) => row.trim().replace(/:\s+/, " "));
  return figures.length === 0 ? title : `${title}: ${figures.join(", ")}`;
}

/** The sentence for a warning (src/budget/README.md, "Layer 1"). */
function warningMessage(warning: Warning): string {
  switch (warning.code) {
    case "large-instance":
      return `Instance '${warning.id}' requires ${formatAmount(warning.requiredBytes)}` +
        `${onPool(warning)} which is >50% of safe threshold`;
    case "memory-pressure":
      return `The kernel reports memory pressure: something waited for memory in ` +
        `${formatPercent(warning.someAverage10)} of the last 10 seconds`;
    case "low-available":
      return `Only ${formatAmount(warning.availableBytes)} of ` +
        `${formatAmount(warning.totalBytes)} ${
          warning.pool === undefined ? "RAM" : `on ${warning.pool}`
        } is available, less than 10%`;
    case "reads-from-disk":
      return `The working set (${formatAmount(warning.workingSetBytes)}) does not fit in ` +
        `${formatAmount(warning.limitBytes)}: weights will be read from disk for every token`;
  }
}

/**
 * What deserves a word, the readings' own warnings last; `id` where it is about one jar. What is
 * true of all jars on one model is said once.
 */
export function warningsOf(
  { warnings, instances, memory }: Validation,
): { readonly code: string; readonly message: string; readonly id?: string }[] {
  const models = new Map(instances.map(({ id, model }) => [id, model]));
  const alike = Map.groupBy(
    warnings,
    (warning) =>
      "id" in warning ? JSON.stringify({ ...warning, id: models.get(warning.id) }) : warning,
  );
  const told = [...alike.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const names = others.flatMap((other) => "id" in other ? [`'${other.id}'`] : []);
    const message = warningMessage(first);
    return [{
      ...first,
      message: names.length === 0
        ? message
        : `${message}, and so ${names.length === 1 ? "does" : "do"} ${listed(names)} on its model`,
    }];
  });
  return [...told, ...memory.warnings];
}

function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}
