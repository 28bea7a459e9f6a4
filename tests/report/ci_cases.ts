import type { Validation } from "../../src/budget/validation.ts";
import { gb, machine, matrix, SEED_TOTAL_GB, validate } from "../budget/cases.ts";
import { jar } from "../budget/cases.ts";
import { MODEL_FOOTPRINT } from "./cases.ts";

const OPTIONS = { footprint: MODEL_FOOTPRINT };

/** The seed's own case: 8, 10 and 12 GB on 31.24 GB, with something to change. */
export const FAILED: Validation = {
  ...validate(matrix([8, 10, 12], OPTIONS), machine(SEED_TOTAL_GB, 20)),
  recommendations: [
    {
      kind: "changes",
      changes: {
        ramLimits: [{ role: "god", bytes: gb(9.1), text: "9.1" }],
        contextSize: 2048,
      },
      requiredBytes: 2 ** 34,
    },
    { kind: "changes", changes: { shareWeights: true }, requiredBytes: 2 ** 33 },
    { kind: "free-memory", bytes: 2 ** 32 },
    { kind: "machine", totalBytes: 2 ** 36, availableBytes: 2 ** 35 },
  ],
};

/** One jar that fits, on a machine with nothing to say. */
export const PASSED: Validation = validate([jar("subject", OPTIONS)], machine(64));

/** Names that would be markup, commands or unwritable if nobody escaped them. */
export const HOSTILE: Validation = validate(
  [
    jar("a,b:c%0A", { ...OPTIONS, model: "/m/<i>&\"'\u0000\u001b[2J\ud800]]>.gguf" }),
    jar("x|y`z*_[](l)\r\n::error::no", OPTIONS),
    jar("d", OPTIONS),
    jar("e", OPTIONS),
  ],
  machine(9, 8.5, {
    warnings: [{ code: "odd", message: "100% odd:\n::set-output name=x::y" }],
  }),
);

/** One jar over its own limit; beside it the last one has no room to be loaded. */
export const OVER_LIMIT: Validation = validate(
  [jar("subject", { ...OPTIONS, limitGb: 5 }), jar("god", { ...OPTIONS, limitGb: 6 })],
  machine(16, 8),
);
