import type { Mode } from "../budget/demand.ts";
import { formatAmount } from "../budget/size.ts";
import type { RecommendedLimits } from "../plan/limits.ts";
import { blocks, fields } from "./block.ts";
import { printable } from "./printable.ts";
import { ramLimitFlag } from "./recommendation.ts";

/** What `recommend --json` prints. All bytes whole. */
export interface RecommendJson {
  readonly schema: "brainjar.recommend/1";
  readonly ok: boolean;
  readonly mode: string;
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number };
  readonly usableBytes: number;
  readonly requiredBytes: number;
  readonly limits: readonly {
    readonly role: string;
    readonly ramLimitBytes: number;
    readonly flag: string;
  }[];
  readonly contexts: RecommendedLimits["contexts"];
  /** The machine that would do; absent where limits were found. */
  readonly needed?: { readonly totalBytes: number; readonly availableBytes: number };
}

/** The recommendation for programs. */
export function recommendJson({ result, contexts }: RecommendedLimits): RecommendJson {
  const { validation } = result;
  return {
    schema: "brainjar.recommend/1",
    ok: result.ok,
    mode: validation.mode,
    memory: {
      totalBytes: validation.memory.totalBytes,
      availableBytes: validation.memory.availableBytes,
    },
    usableBytes: validation.usableBytes,
    requiredBytes: validation.requiredBytes,
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
        contexts.map(({ id, contextSize }) => [printable(id), `${contextSize} tokens`]),
      ),
    },
    { title: "Flags", lines: [[...modeFlag(validation.mode), ...flags].join(" ")] },
  ]);
}

/** A jar file is named by whoever asked; no mode stands for it. */
function modeFlag(mode: Mode): string[] {
  return mode === "jars" ? [] : [`--mode ${mode}`];
}
