import { BrainjarError } from "../../budget/error.ts";
import type { GgufHeader } from "../../gguf/header.ts";

/**
 * Throws where a model has no chat template.
 *
 * @param name the model's, for people
 * @throws {BrainjarError} `no-chat-template`
 */
export function checkChats(name: string, header: GgufHeader): void {
  const template = header.metadata.get("tokenizer.chat_template");
  if (typeof template !== "string" || template.trim() === "") throw noChatTemplate(name);
}

/** The error of a model that has no chat template where one was asked for. */
export function noChatTemplate(name: string): BrainjarError {
  return new BrainjarError("no-chat-template", `Model has no chat template: ${name}`, {
    hint: "Leave --prompt-format out: a model without one is told raw text",
  });
}
