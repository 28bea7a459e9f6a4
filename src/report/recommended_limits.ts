import { defined } from "../budget/defined.ts";
import type { LayersOnDevices, Mode } from "../budget/demand.ts";
import { formatAmount, formatEnough } from "../budget/size.ts";
import { RAM } from "../budget/pools/pools.ts";
import type { Validation } from "../budget/validation.ts";
import type { RecommendedLimits } from "../plan/limits.ts";
import { blocks, fields } from "./block.ts";
import { devicePools, layersText } from "./devices_text.ts";
import { issueCause, issueMessage } from "./message.ts";
import { pick } from "./pick.ts";
import { ramLimitFlags, recommendationFlags, recommendationMessage } from "./recommendation.ts";

/** What `recommend --json` prints. All bytes whole; `needed`, the machine that would do, where no limits were found. */
export function recommendJson(recommended: RecommendedLimits, typed: readonly string[]) {
  const { result, contexts, advice } = recommended;
  const { validation } = result;
  return {
    schema: "brainjar.recommend/1",
    ok: result.ok,
    mode: validation.mode,
    memory: pick(validation.memory, ["totalBytes", "availableBytes"]),
    ...pick(validation, ["usableBytes", "requiredBytes"]),
    pools: validation.pools.map((pool) =>
      pick(pool, ["id", "kind", "totalBytes", "availableBytes", "usableBytes", "requiredBytes"])
    ),
    limits: result.ok
      ? result.limits.map((limit) => ({
        role: limit.role,
        ramLimitBytes: limit.bytes,
        flag: ramLimitFlags([limit], validation).join(" "),
      }))
      : [],
    contexts: contexts.map((context) => ({
      ...context,
      ...defined({ gpuLayers: layersOf(context.id, validation) }),
    })),
    ...(result.ok ? { command: commandLine(recommended, typed) } : {
      issues: validation.issues.map((issue) => ({
        code: issue.code,
        message: issueMessage(issue),
      })),
      recommendations: (advice?.recommendations ?? []).map((one) => ({
        message: recommendationMessage(one, advice ?? validation),
        flags: recommendationFlags(one, advice ?? validation),
      })),
      needed: {
        totalBytes: result.neededTotalBytes,
        availableBytes: result.neededAvailableBytes,
        pools: [
          {
            id: RAM,
            totalBytes: result.neededTotalBytes,
            availableBytes: result.neededAvailableBytes,
          },
          ...result.neededDevices,
        ],
      },
    }),
  };
}

/** How many of a jar's layers lie on devices; nothing where there are none. */
function layersOf(id: string, { instances }: Validation): LayersOnDevices | undefined {
  return instances.find((instance) => instance.id === id)?.gpuLayers;
}

/**
 * The recommendation for people, without a line break at the end.
 *
 * @param typed What the line that is to be pasted has of what was typed, quoted for a shell.
 */
export function recommendText(recommended: RecommendedLimits, typed: readonly string[]): string {
  const { result, contexts, advice } = recommended;
  const { validation } = result;
  const machine = fields([
    ["Total RAM", formatAmount(validation.memory.totalBytes)],
    ["Available", formatAmount(validation.memory.availableBytes)],
    ["Safe threshold", formatAmount(validation.usableBytes)],
    ["Total requirements", formatAmount(validation.requiredBytes)],
    ...devicePools(validation).map(({ id, requiredBytes, usableBytes }): [string, string] => [
      `Required on ${id}`,
      `${formatAmount(requiredBytes)} / ${formatAmount(usableBytes)}`,
    ]),
  ]);
  const sizes = fields(
    contexts.flatMap(({ id, contextSize }): [string, string | undefined][] => {
      const layers = layersOf(id, validation);
      return [
        [id, `${contextSize} tokens`],
        ["  Layers on devices", layers && layersText(layers)],
      ];
    }),
  );
  if (!result.ok) {
    return blocks([
      { title: "NOTHING PASSES", lines: machine },
      { title: "Smallest contexts tried", lines: sizes },
      {
        title: "Why",
        lines: validation.issues.flatMap((issue) => [issueMessage(issue), issueCause(issue)]),
      },
      ...advice === undefined ? [] : [{
        title: "What would help",
        lines: advice.recommendations.map((one) => recommendationMessage(one, advice)),
      }],
      {
        title: "Needed",
        lines: fields([
          ["Total RAM", formatEnough(result.neededTotalBytes)],
          ["Available", formatEnough(result.neededAvailableBytes)],
          ...result.neededDevices.flatMap((device): [string, string][] => [
            [`Total on ${device.id}`, formatEnough(device.totalBytes)],
            [`Available on ${device.id}`, formatEnough(device.availableBytes)],
          ]),
        ]),
      },
    ]);
  }
  const limited = result.limits.length > 0;
  return blocks([
    {
      title: limited ? "RECOMMENDED LIMITS" : "NO ROOM FOR LIMITS: IT PASSES AS IT IS",
      lines: machine,
    },
    { title: limited ? "Contexts under these limits" : "Contexts", lines: sizes },
    { title: "Command", lines: [commandLine(recommended, typed)] },
  ]);
}

/** A line that can be pasted: what was typed, and the limits. */
function commandLine(
  { result, contextSize }: RecommendedLimits,
  typed: readonly string[],
): string {
  const limits = result.ok ? ramLimitFlags(result.limits, result.validation) : [];
  const context = contextSize === undefined ? [] : [`--context-size ${contextSize}`];
  return [
    "brainjar run",
    ...modeFlag(result.validation.mode),
    ...typed,
    ...limits,
    ...context,
  ]
    .join(" ");
}

/** A jar file is named by whoever asked; no mode stands for it. */
function modeFlag(mode: Mode): string[] {
  return mode === "jars" ? [] : [`--mode ${mode}`];
}
