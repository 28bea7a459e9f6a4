import { BrainjarError } from "../../budget/error.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { LLAMA_CPP_VERSION } from "../version.ts";
import type { Architecture } from "./architecture.ts";
import { findArchitecture } from "./families.ts";

/** Whether llama.cpp can run this model with flash attention at all. */
export async function canHaveFlashAttention(header: GgufHeader): Promise<boolean> {
  const name = header.metadata.get("general.architecture");
  const architecture = await findArchitecture(String(name));
  return architecture?.breaksWithFlashAttention !== true;
}

/**
 * Throws a BrainjarError of code `unsupported-architecture` for a model that doesn't make text
 * token by token with llama.cpp: what can be estimated and not run.
 */
export async function checkGenerates(header: GgufHeader): Promise<void> {
  const name = header.metadata.get("general.architecture");
  if (typeof name !== "string" || name === "") {
    throw new BrainjarError(
      "unsupported-architecture",
      "The header names no architecture: general.architecture is missing",
      { hint: "The file is damaged or was written wrongly: download it again" },
    );
  }
  const architecture = await findArchitecture(name);
  if (architecture === undefined) {
    throw new BrainjarError(
      "unsupported-architecture",
      `Architecture "${name}" isn't one of llama.cpp ${LLAMA_CPP_VERSION}'s`,
      { hint: "It may need a newer llama.cpp; estimate still answers, on the safe side" },
    );
  }
  const refusal = whyNot(architecture);
  if (refusal === undefined) return;
  throw new BrainjarError(
    "unsupported-architecture",
    `Models of architecture "${name}" ${refusal.why}`,
    { hint: refusal.hint },
  );
}

/** Why models of an architecture can't be run, and what to do. */
function whyNot({ purpose, cannotRun }: Architecture): Architecture["cannotRun"] {
  switch (purpose) {
    case "text":
      return cannotRun;
    case "encoder-decoder":
      return {
        why: "need their encoder, which node-llama-cpp never runs",
        hint: "Use a model without one; estimate still answers for this one",
      };
    default:
      return {
        why: "don't make text",
        hint: "Use a model that generates text; estimate still answers for this one",
      };
  }
}
