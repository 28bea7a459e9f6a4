import { BrainjarError } from "../../budget/error.ts";
import type { JarFootprint } from "../../budget/demand.ts";
import { defined } from "../../budget/defined.ts";
import { formatAmount } from "../../budget/size.ts";
import { sparseRanges } from "../../footprint/sparse_ranges.ts";
import type { CpuFeatures } from "../../llama_cpp/options.ts";
import { type EstimatingHost, footprintOf } from "../../plan/footprint_of.ts";
import type { Host } from "../../plan/host.ts";
import { CONTROL_GROUP } from "../launchers/table.ts";
import type { JarLoad } from "./serve_jar.ts";

/**
 * The jar as this machine's processor has it: how weights are laid out and how many threads compute
 * are the processor's, and a scheduler may have started the jar on another kind of machine than it was
 * planned for. Where it needs more here, it is planned anew; where its limit doesn't hold that, it is
 * refused before anything is loaded.
 *
 * @throws {BrainjarError} kind `refused`: `processor-differs`; what reading the model throws
 */
export async function onOwnProcessor(
  load: JarLoad,
  host: EstimatingHost & Pick<Host, "readRunnable">,
  name: string,
): Promise<JarLoad> {
  const { demand, options, files: [first], limitBytes = Infinity } = load;
  const own = await host.cpu();
  if (first === undefined || isSame(load.processor, own)) return load;
  const { header, key, read } = await host.readRunnable(first.path);
  const request = { header, key, read, options, estimator: "header" } as const;
  const { jar: found } = await footprintOf(request, host);
  const told = demand.footprint;
  // What was told by another estimator, or with a measured ratio, may be more: it stays.
  if (found.floorBytes <= told.floorBytes) return load;
  if (limitBytes < found.floorBytes + CONTROL_GROUP.addedBytes) {
    throw new BrainjarError(
      "processor-differs",
      `'${demand.id}' needs ${formatAmount(found.floorBytes)} with the processor of ${name}, and ` +
        `was planned with ${formatAmount(told.floorBytes)}`,
      {
        kind: "refused",
        hint:
          "Plan it for such a processor with --cpu, or have the launcher choose machines like this",
      },
    );
  }
  const footprint: JarFootprint = { ...found, ...defined({ devices: told.devices }) };
  return {
    ...load,
    demand: { ...demand, footprint },
    ...load.sparse && { sparse: await sparseRanges(header, own) },
  };
}

function isSame(told: JarLoad["processor"], own: CpuFeatures): boolean {
  if (told === undefined) return true;
  const { architecture, features, threads } = told;
  return architecture === own.architecture && own.threads <= threads &&
    features.length === own.features.size && features.every((one) => own.features.has(one));
}
