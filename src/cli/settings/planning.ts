import { defined } from "../../budget/defined.ts";
import { type Host, openHost } from "../../plan/host.ts";
import type { Settings } from "../../plan/settings.ts";
import type { CommandInput } from "../command.ts";
import { tellSlowServers } from "../terminal/slow_servers.ts";
import { readSettings } from "./settings.ts";

/**
 * What jars were asked for, and the machine that they are planned on, for a command that answers without
 * running any. A script has to name a model. The host is the caller's to dispose of.
 *
 * @throws {BrainjarError} what `readSettings` throws
 */
export async function openPlanning(
  { values, output, dryLoadCommand }: CommandInput,
): Promise<{ readonly settings: Settings; readonly host: Host }> {
  const settings = await readSettings(values, {
    say: (text) => output.say(text),
    modelRequired: !output.interactive,
  });
  const host = openHost({
    ...settings,
    ...defined({ dryLoadCommand }),
    say: (line) => output.say(`${line}\n`),
  });
  return { settings, host: tellSlowServers(host, output) };
}
