import { BrainjarError } from "../budget/error.ts";
import type { Estimator } from "../footprint/footprint.ts";
import { describeModel } from "../gguf/describe_model.ts";
import { shownUrl } from "../gguf/shown_url.ts";
import { compareHeading, compareRow } from "../report/compare_text.ts";
import { type EstimateEntry, estimateJsonEntry } from "../report/estimate_json.ts";
import {
  ESTIMATE_LEGEND,
  estimateHeading,
  estimateNotes,
  estimateRow,
} from "../report/estimate_text.ts";
import type { Command } from "./brainjar.ts";
import { footprintOf, resolveContext } from "./footprint_of.ts";
import { demoBrainPath, resolveModel } from "./model_path.ts";
import { type ContextSettings, readContextSettings } from "./settings.ts";
import type { Output } from "./terminal.ts";
import { openWorld, type World } from "./world.ts";

/**
 * `brainjar estimate MODEL…`: what each model needs, part by part. Each answer is printed when it
 * is found and then forgotten, so that a thousand models take no more memory than one.
 */
export const estimate: Command = async ({ values, operands, output }) => {
  const cpu = values.text("cpu");
  const world = openWorld({ ...(cpu === undefined ? {} : { cpu }), rememberModels: false });
  const context = readContextSettings(values);
  const models = operands.length > 0 ? operands : [defaultModel(output)];
  const estimators = values.has("compare")
    ? ["header", "exact"] as const
    : [(values.text("estimator") ?? "header") as Estimator];
  const print = printer(output, values.has("json"), values.has("compare"));
  let failed = false;
  try {
    print.start();
    for (const model of models) {
      const entries: EstimateEntry[] = [];
      for (const estimator of estimators) {
        const entry = await estimateModel(model, context, estimator, world);
        entries.push(entry);
        if ("error" in entry) break;
      }
      failed ||= entries.some((entry) => "error" in entry);
      print.answers(entries);
    }
    print.end();
    return failed ? 2 : 0;
  } finally {
    await world.close();
  }
};

function defaultModel(output: Output): string {
  const model = Deno.env.get("BRAINJAR_MODEL");
  if (model) return model;
  output.say("Using the demo brain inside brainjar; name models after estimate\n");
  return demoBrainPath();
}

async function estimateModel(
  path: string,
  context: ContextSettings,
  estimator: Estimator,
  world: World,
): Promise<EstimateEntry> {
  try {
    const model = resolveModel(path);
    const header = await world.readHeader(model);
    const options = resolveContext(header, context);
    const footprint = await footprintOf({ header, model, options, estimator }, world);
    return { model: describeModel(header), options, footprint };
  } catch (error) {
    // The engine itself failing is not this model's fault: no other would be answered either.
    if (!(error instanceof BrainjarError) || error.kind !== "usage") throw error;
    return { path: shownUrl(path), error: { code: error.code, message: error.message } };
  }
}

interface Printer {
  start(): void;
  /** One model's answers, one for each estimator. */
  answers(entries: readonly EstimateEntry[]): void;
  end(): void;
}

function printer(output: Output, json: boolean, compare: boolean): Printer {
  if (json) return jsonPrinter(output);
  return {
    start: () => output.answer(compare ? compareHeading() : estimateHeading()),
    answers: (entries) => {
      const [first] = entries;
      const failure = entries.find((entry) => "error" in entry);
      if (failure !== undefined) {
        output.say(`${output.paint("red", "error:")} ${estimateRow(failure)}`);
      } else if (first !== undefined) {
        output.answer(compare ? compareRow(entries) : estimateRow(first));
        output.say(estimateNotes(first));
      }
    },
    end: () => {
      if (!compare) output.say(ESTIMATE_LEGEND);
    },
  };
}

/** One JSON object, written piece by piece. */
function jsonPrinter(output: Output): Printer {
  let separator = "";
  return {
    start: () => output.answer('{"schema":"brainjar.estimate/1","estimates":['),
    answers: (entries) => {
      for (const entry of entries) {
        output.answer(separator + JSON.stringify(estimateJsonEntry(entry)));
        separator = ",";
      }
    },
    end: () => output.answer("]}\n"),
  };
}
