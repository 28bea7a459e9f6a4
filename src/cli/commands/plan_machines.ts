import { exitCode } from "../../budget/exit_codes.ts";
import { BrainjarError } from "../../budget/error.ts";
import { openHost } from "../../plan/host.ts";
import { planPlacement } from "../../plan/placement.ts";
import { placementJson } from "../../report/placement/placement_json.ts";
import { placementText } from "../../report/placement/placement_text.ts";
import { jsonText } from "../../report/printable.ts";
import type { CommandInput } from "../command.ts";
import { PLACED_JARS } from "../jar_file/limits.ts";
import { parseMachines } from "../settings/machines.ts";
import { readSettings } from "../settings/settings.ts";
import { tellSlowServers } from "../terminal/slow_servers.ts";

/** `brainjar plan --machines`: which machine holds which jars. */
export async function planMachines(
  typed: string,
  { values, output }: CommandInput,
): Promise<number> {
  const machines = parseMachines(typed);
  if (values.given("devices") !== undefined) {
    throw new BrainjarError(
      "conflicting-flags",
      'Flags "--machines" and "--devices" exclude each other',
      { hint: "--machines describes every machine: 16GB*40,24GB+cuda:24GB*8" },
    );
  }
  if (values.get("estimator") === "engine") {
    throw new BrainjarError(
      "conflicting-flags",
      'Flags "--machines" and "--estimator engine" exclude each other',
      { hint: "A dry load is this machine's: leave it out, and the header's estimate is taken" },
    );
  }
  const settings = await readSettings(values, {
    say: (text) => output.say(text),
    modelRequired: !output.interactive,
    jarLimits: PLACED_JARS,
  });
  const [first] = machines;
  await using host = tellSlowServers(
    openHost({
      ...settings.cpu === undefined ? {} : { cpu: settings.cpu },
      ...first === undefined ? {} : { machine: first.machine },
      gpu: "off",
      say: (line) => output.say(`${line}\n`),
    }),
    output,
  );
  const planned = await planPlacement(host, settings, machines);
  output.answer(
    values.get("json")
      ? `${jsonText(placementJson(planned))}\n`
      : `${placementText(planned.placement)}\n`,
  );
  return exitCode(planned.placement.ok ? "success" : "refused");
}
