import { defined } from "../../budget/defined.ts";
import { COORDINATOR_BYTES, requestsOf } from "../../job_files/asked.ts";
import { loadModule } from "../../load_module.ts";
import { openHost } from "../../plan/host.ts";
import { planOn } from "../../plan/plan.ts";
import { planJson } from "../../report/plan/plan_json.ts";
import { planText } from "../../report/plan/plan_text.ts";
import { jsonText } from "../../report/printable.ts";
import type { Command } from "../command.ts";
import { readSettings } from "../settings/settings.ts";
import { tellSlowServers } from "../terminal/slow_servers.ts";

/** `brainjar plan`: what jars in processes of their own ask for, on paper; with machines, where they go. */
export const command: Command = async (input) => {
  const { values, output, dryLoadCommand } = input;
  const machines = values.get("machines");
  if (machines !== undefined) {
    const { planMachines } = await loadModule<typeof import("./plan_machines.ts")>(
      import.meta,
      "./plan_machines.ts",
    );
    return await planMachines(machines, input);
  }
  const settings = await readSettings(values, {
    say: (text) => output.say(text),
    modelRequired: !output.interactive,
  });
  await using host = tellSlowServers(
    openHost({
      ...settings,
      ...defined({ dryLoadCommand }),
      say: (line) => output.say(`${line}\n`),
    }),
    output,
  );
  const { jars } = await planOn(host, settings, await host.readMemory());
  const requests = {
    jars: requestsOf(jars, settings.policy.criterion),
    coordinatorBytes: COORDINATOR_BYTES,
  };
  output.answer(
    values.get("json")
      ? `${jsonText(planJson(requests, settings, []))}\n`
      : `${planText(requests)}\n`,
  );
  return 0;
};
