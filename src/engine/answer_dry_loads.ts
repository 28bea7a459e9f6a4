import { BrainjarError, messageOf } from "../budget/error.ts";
import { defined } from "../budget/defined.ts";
import { type EngineAnswer, type EngineQuestionLine, linesOf } from "./dry_load_process.ts";
import type { Engine } from "./engine.ts";
import { thinkOnDevices } from "./gpu/trial.ts";
import { openEngine } from "./open.ts";

function toError(error: unknown): EngineAnswer {
  const { code, message, kind, hint } = error instanceof BrainjarError
    ? error
    : new BrainjarError("internal", messageOf(error), { kind: "engine" });
  return { error: { code, message, kind, ...defined({ hint }) } };
}

async function answerTo(engine: Engine, question: EngineQuestionLine) {
  switch (question.ask) {
    case "dry-load":
      return await engine.dryLoad(question.model, question.options);
    case "devices":
      return await engine.devices();
    case "thought":
      await thinkOnDevices(engine, question.model);
      return null;
  }
}

/**
 * Answers questions for an engine, a line of JSON each, until there are no more
 * (dry_load_process.ts). The first says what it is opened for.
 *
 * @param answer Writes an answer as a line of JSON.
 */
export async function answerDryLoads(
  questions: ReadableStream<Uint8Array<ArrayBuffer>>,
  answer: (answer: EngineAnswer) => void,
): Promise<void> {
  let opening: Promise<Engine> | undefined;
  for await (const line of linesOf(questions)) {
    const question: EngineQuestionLine = JSON.parse(line);
    try {
      opening ??= openEngine({ gpu: question.gpu });
      answer({ answer: await answerTo(await opening, question) });
    } catch (error) {
      answer(toError(error));
    }
  }
  await opening?.then((engine) => engine.dispose(), () => {});
}
