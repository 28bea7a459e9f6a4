import { BrainjarError, messageOf } from "../budget/error.ts";
import { defined } from "../budget/defined.ts";
import { type DryLoadAnswer, type DryLoadQuestion, linesOf } from "./dry_load_process.ts";
import { lazyEngine } from "./open.ts";

function toError(error: unknown): DryLoadAnswer {
  const { code, message, kind, hint } = error instanceof BrainjarError
    ? error
    : new BrainjarError("internal", messageOf(error), { kind: "engine" });
  return { error: { code, message, kind, ...defined({ hint }) } };
}

/**
 * Answers questions for dry loads, a line of JSON each, until there are no more
 * (dry_load_process.ts).
 *
 * @param answer Writes an answer as a line of JSON.
 */
export async function answerDryLoads(
  questions: ReadableStream<Uint8Array<ArrayBuffer>>,
  answer: (answer: DryLoadAnswer) => void,
): Promise<void> {
  const engine = lazyEngine();
  for await (const line of linesOf(questions)) {
    const { model, options }: DryLoadQuestion = JSON.parse(line);
    answer(await engine.dryLoad(model, options).catch(toError));
  }
  await engine.dispose();
}
