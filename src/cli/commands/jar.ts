import process from "node:process";
import configuration from "../../../deno.json" with { type: "json" };
import { memoryFor } from "../../budget/allocated_memory.ts";
import { exitCode } from "../../budget/exit_codes.ts";
import { systemClock } from "../../experiment/clock.ts";
import { reservationLedger, withoutLedger } from "../../experiment/memory/reservation_ledger.ts";
import { checkModelFiles } from "../../jar_process/inside/model_files.ts";
import { openJar } from "../../jar_process/inside/open_jar.ts";
import { onOwnProcessor } from "../../jar_process/inside/own_processor.ts";
import { withoutOwnLimit } from "../../jar_process/own_limit.ts";
import { runJar } from "../../jar_process/inside/run_jar.ts";
import { whereabouts } from "../../jar_process/scheduler_job.ts";
import type { JarLoad } from "../../jar_process/inside/serve_jar.ts";
import { readHeldBytes } from "../../machine/process_memory.ts";
import { withDevices } from "../../plan/devices/devices.ts";
import { type Host, openHost } from "../../plan/host.ts";
import { readCapped } from "../../plan/machine_memory.ts";
import { jsonText } from "../../report/printable.ts";
import type { JarAnswer } from "../../report/schema/jar.ts";
import type { Command } from "../command.ts";

/** What ends it politely; a Ctrl-C in a run's terminal reaches its jars too, and is the run's. */
const SIGNALS = Deno.build.os === "windows" ? [] : ["SIGTERM", "SIGHUP"] as const;

/** `brainjar jar`: one jar, asked on stdin, answering on stdout. */
export const command: Command = async ({ output }) => {
  const stop = new AbortController();
  const end = () => stop.abort("signal");
  for (const name of SIGNALS) process.on(name, end);
  const interrupt = () => {
    // Who typed it here means this process; a run's Ctrl-C ends it by closing stdin.
    if (Deno.stdin.isTerminal()) end();
  };
  process.on("SIGINT", interrupt);
  let writing: Promise<unknown> = Promise.resolve();
  const answer = (line: JarAnswer) => {
    const text = `${jsonText(line)}\n`;
    writing = writing.then(() => output.answerLater(text)).then((isHeard) => {
      if (!isHeard) stop.abort("eof");
    }, () => stop.abort("eof"));
  };
  const where = whereabouts((name) => Deno.env.get(name), Deno.hostname);
  let opened: Host | undefined;
  const open = async (asked: JarLoad) => {
    const say = (line: string) => output.say(`${line}\n`);
    const here = openHost({ gpu: asked.gpu, runsHere: true, loadsHere: true, say });
    opened = here;
    await checkModelFiles(asked, { stat: Deno.stat, host: where.host });
    const load = await onOwnProcessor(asked, here, where.host);
    const readAll = async () =>
      withDevices(await readCapped(undefined, 0), await here.findDevices());
    const readShared = load.limitBytes === undefined
      ? readAll
      : async () => withoutOwnLimit(await readAll(), load.limitBytes ?? 0);
    const first = await readShared();
    const readMemory = async () => memoryFor(await readShared(), [load.demand], load.policy, first);
    const ledger = await here.openLedger();
    return await openJar(load, {
      engine: here.engine,
      clock: systemClock,
      readMemory,
      readOwnAnonymousBytes: readHeldBytes,
      ledger: ledger === undefined
        ? withoutLedger(readMemory)
        : reservationLedger(ledger, readMemory),
      stop: stop.signal,
      answer,
    });
  };
  try {
    const ended = await runJar({
      requests: Deno.stdin.readable,
      answer,
      version: configuration.version,
      ...where,
      processId: Deno.pid,
      clock: systemClock,
      open,
      stop,
    });
    await writing;
    return exitCode(ended === "protocol" ? "usage" : ended === "signal" ? "SIGTERM" : "success");
  } finally {
    await opened?.[Symbol.asyncDispose]();
    process.off("SIGINT", interrupt);
    for (const name of SIGNALS) process.off(name, end);
  }
};
