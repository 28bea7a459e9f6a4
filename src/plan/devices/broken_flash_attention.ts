import { BrainjarError } from "../../budget/error.ts";
import type { Device } from "../../llama_cpp/options.ts";
import type { ContextSettings } from "../settings.ts";

/**
 * A context as these devices may compute it: `auto` leaves flash attention off where a driver would
 * end the process with it.
 *
 * @throws {BrainjarError} `unsupported-flash-attention` where it was asked for all the same.
 *
 * @example
 * ```ts
 * import { withoutBrokenFlashAttention } from "./broken_flash_attention.ts";
 * import { DEFAULT_CONTEXT } from "../settings.ts";
 * const { flashAttention } = withoutBrokenFlashAttention(DEFAULT_CONTEXT, []);
 * if (flashAttention !== "auto") throw new Error("No device breaks it");
 * ```
 */
export function withoutBrokenFlashAttention(
  context: ContextSettings,
  devices: readonly Device[],
): ContextSettings {
  const broken = devices.find(({ breaksFlashAttention }) => breaksFlashAttention);
  if (broken === undefined || context.flashAttention === "off") return context;
  if (context.flashAttention === "auto") return { ...context, flashAttention: "off" };
  throw new BrainjarError(
    "unsupported-flash-attention",
    `The driver of ${broken.id} ends the process that computes flash attention`,
    { hint: "Use --flash-attention off, or leave it to be decided" },
  );
}
