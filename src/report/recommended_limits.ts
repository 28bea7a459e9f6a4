import type { Mode } from "../budget/demand.ts";
import { formatAmount } from "../budget/size.ts";
import type { RecommendedLimits } from "../plan/limits.ts";
import { blocks, fields } from "./block.ts";
import { pick } from "./pick.ts";
import { ramLimitFlag } from "./recommendation.ts";

/** What `recommend --json` prints. All bytes whole; `needed`, the machine that would do, where no limits were found. */
export function recommendJson({ result, contexts }: RecommendedLimits) {
  const { validation } = result;
  return {
    schema: "brainjar.recommend/1",
    ok: result.ok,
    mode: validation.mode,
    memory: pick(validation.memory, ["totalBytes", "availableBytes"]),
    ...pick(validation, ["usableBytes", "requiredBytes"]),
    limits: result.ok
      ? result.limits.map(({ role, bytes, text }) => ({
        role,
        ramLimitBytes: bytes,
        flag: ramLimitFlag(role, text),
      }))
      : [],
    contexts,
    ...(result.ok ? {} : {
      needed: {
        totalBytes: Math.ceil(result.neededTotalBytes),
        availableBytes: Math.ceil(result.neededAvailableBytes),
      },
    }),
  };
}

/** The recommendation for people, without a line break at the end. */
export function recommendText({ result, contexts }: RecommendedLimits): string {
  const { validation } = result;
  const machine = fields([
    ["Total RAM", formatAmount(validation.memory.totalBytes)],
    ["Available", formatAmount(validation.memory.availableBytes)],
    ["Safe threshold", formatAmount(validation.usableBytes)],
    ["Total requirements", formatAmount(validation.requiredBytes)],
  ]);
  if (!result.ok) {
    return blocks([
      { title: "NO LIMITS PASS", lines: machine },
      {
        title: "Needed",
        lines: fields([
          ["Total RAM", formatAmount(result.neededTotalBytes)],
          ["Available", formatAmount(result.neededAvailableBytes)],
        ]),
      },
    ]);
  }
  const flags = result.limits.map(({ role, text }) => ramLimitFlag(role, text));
  return blocks([
    { title: "RECOMMENDED LIMITS", lines: machine },
    {
      title: "Contexts under these limits",
      lines: fields(
        contexts.map(({ id, contextSize }) => [id, `${contextSize} tokens`]),
      ),
    },
    { title: "Flags", lines: [[...modeFlag(validation.mode), ...flags].join(" ")] },
  ]);
}

/** A jar file is named by whoever asked; no mode stands for it. */
function modeFlag(mode: Mode): string[] {
  return mode === "jars" ? [] : [`--mode ${mode}`];
}
