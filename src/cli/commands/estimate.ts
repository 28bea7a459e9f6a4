import { BrainjarError } from "../../budget/error.ts";
import { exitCode } from "../../budget/exit_codes.ts";
import type { Estimator, Footprint } from "../../footprint/footprint.ts";
import { describeModel } from "../../gguf/describe_model.ts";
import { shownUrl } from "../../gguf/sources/url.ts";
import { loadRefusal } from "../../llama_cpp/models/check_loads.ts";
import { readModel } from "../../llama_cpp/models/families.ts";
import { footprintOf, resolveContext } from "../../plan/footprint_of.ts";
import { type Host, openHost } from "../../plan/host.ts";
import { demoBrainPath } from "../../plan/model_path.ts";
import { devicesForEstimate, offloadAlone } from "../../plan/devices/estimate_offload.ts";
import type { ComputingDevice, ContextSettings } from "../../plan/settings.ts";
import { COMPARE_LEGEND, compareHeading, compareText } from "../../report/estimate/compare_text.ts";
import { type EstimateEntry, estimateJsonEntry } from "../../report/estimate/estimate_json.ts";
import {
  DEVICES_LEGEND,
  ESTIMATE_LEGEND,
  estimateHeading,
  estimateNotes,
  estimateRow,
} from "../../report/estimate/estimate_text.ts";
import { loadModule } from "../../load_module.ts";
import { jsonText } from "../../report/printable.ts";
import type { Command } from "../command.ts";
import { defined } from "../../budget/defined.ts";
import { readContextSettings, readDevicesOnly } from "../settings/settings.ts";
import { type Output, renderError } from "../terminal/output.ts";
import { tellSlowServers } from "../terminal/slow_servers.ts";

/**
 * `brainjar estimate MODEL…`: what each model needs, part by part. Each answer is printed when it
 * is found and then forgotten, so that a thousand models take no more memory than one.
 */
export const command: Command = async ({ values, operands, output, dryLoadCommand }) => {
  await using host = tellSlowServers(
    openHost({
      ...defined({
        cpu: values.get("cpu"),
        dryLoadCommand,
        machine: await readDevicesOnly(values),
      }),
      gpu: values.get("gpu"),
      say: (line) => output.say(`${line}\n`),
      rememberModels: false,
    }),
    output,
  );
  const context = readContextSettings(values);
  const { devices, notes } = await devicesForEstimate(host, values.get("gpu"));
  for (const note of notes) output.say(`note: ${note}\n`);
  const models = operands.length > 0 ? operands : [defaultModel(output)];
  const estimators = values.get("compare")
    ? ["header", "engine"] as const
    : [values.get("estimator")];
  const isShort = output.answersTerminal && !values.get("compare") && !values.get("full");
  const print = values.get("json")
    ? jsonPrinter(output)
    : isShort
    ? shortPrinter(output)
    : tablePrinter(output, values.get("compare"));
  let worst = exitCode("success");
  for (const model of models) {
    const entries: EstimateEntry[] = [];
    let failure: BrainjarError | undefined;
    for (const estimator of estimators) {
      const answer = await estimateModel(model, { context, estimator, devices }, host);
      entries.push(answer.entry);
      failure = answer.failure;
      if (failure !== undefined) break;
    }
    if (failure !== undefined) worst = Math.max(worst, exitCode(failure.kind));
    if (!await print.answers(entries, failure)) break;
  }
  await print.end();
  return worst;
};

function defaultModel(output: Output): string {
  const model = Deno.env.get("BRAINJAR_MODEL");
  if (model) return model;
  output.say("Using the demo brain; name models after estimate\n");
  return demoBrainPath();
}

interface EstimateRequest {
  readonly context: ContextSettings;
  readonly estimator: Estimator;
  readonly devices: readonly ComputingDevice[];
}

async function estimateModel(
  model: string,
  { context, estimator, devices }: EstimateRequest,
  host: Host,
): Promise<{ readonly entry: EstimateEntry; readonly failure?: BrainjarError }> {
  try {
    const { name, key, header } = await host.readModel(model);
    const read = await readModel(header);
    const offload = await offloadAlone({
      read,
      devices,
      gpuLayers: context.gpuLayers,
      footprintWith: async (offload) => {
        const options = await resolveContext(header, context, offload);
        return await footprintOf({ header, key, read, options, estimator: "header" }, host);
      },
    });
    const options = await resolveContext(header, context, offload);
    const found = await footprintOf({ header, key, options, estimator }, host);
    const footprint = withRefusal(found, loadRefusal(read));
    return { entry: { model: describeModel(header, name), options, footprint } };
  } catch (error) {
    // Without an engine no other model would be answered either.
    if (!(error instanceof BrainjarError) || error.code === "engine-unavailable") throw error;
    const { code, message } = error;
    return { entry: { path: shownUrl(model), error: { code, message } }, failure: error };
  }
}

/** What can't be loaded can be estimated all the same, by figures that nobody can compare. */
function withRefusal(footprint: Footprint, refusal: string | undefined): Footprint {
  if (refusal === undefined) return footprint;
  return { ...footprint, confidence: "unknown", notes: [refusal, ...footprint.notes] };
}

interface Printer {
  /**
   * One model's answers, one for each estimator, and why the last of them is none. False once
   * nobody reads them.
   */
  answers(
    entries: readonly EstimateEntry[],
    failure: BrainjarError | undefined,
  ): boolean | Promise<boolean>;
  end(): unknown;
}

/** A table on stdout, as soon as there is a row for it; why others have none on stderr. */
function tablePrinter(output: Output, compare: boolean): Printer {
  let begun = false;
  let hasDevices = false;
  return {
    answers: (entries, failure) => {
      if (failure !== undefined) output.say(renderError(failure, output));
      const [first] = entries;
      if (failure !== undefined || first === undefined || "error" in first) return true;
      hasDevices ||= first.footprint.devices !== undefined;
      const heading = begun ? "" : compare ? compareHeading() : estimateHeading();
      begun = true;
      const isRead = output.answer(heading + (compare ? compareText(entries) : estimateRow(first)));
      output.say(estimateNotes(first));
      return isRead;
    },
    end: () => {
      if (begun) output.say(compare ? COMPARE_LEGEND : ESTIMATE_LEGEND);
      if (hasDevices && !compare) output.say(DEVICES_LEGEND);
    },
  };
}

/** The sum of each model first, for a person at a terminal. */
function shortPrinter(output: Output): Printer {
  let begun = false;
  return {
    answers: async (entries, failure) => {
      if (failure !== undefined) output.say(renderError(failure, output));
      const [first] = entries;
      if (failure !== undefined || first === undefined || "error" in first) return true;
      begun = true;
      const { estimateShort } = await loadModule<
        typeof import("../../report/short/estimate_short.ts")
      >(import.meta, "../../report/short/estimate_short.ts");
      const isRead = await output.answerParagraphs(estimateShort(first));
      output.say(estimateNotes(first));
      return isRead;
    },
    end: async () => {
      const where = "Every part, in columns: add --full";
      if (begun) await output.answerParagraphs([{ words: [{ style: "dim", text: where }] }]);
    },
  };
}

/** One JSON object, written piece by piece. */
function jsonPrinter(output: Output): Printer {
  let before = '{"schema":"brainjar.estimate/1","estimates":[';
  return {
    answers: (entries) =>
      entries.every((entry) => {
        const text = before + jsonText(estimateJsonEntry(entry));
        before = ",";
        return output.answer(text);
      }),
    end: () => output.answer("]}\n"),
  };
}
