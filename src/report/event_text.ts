import { counted } from "../budget/counted.ts";
import type { EndEvent, LoadedEvent, RunEvent, WarningEvent } from "../experiment/events.ts";
import { formatAmount } from "../budget/size.ts";
import { allocationReportText, allocationText } from "./allocation_text.ts";
import { titled } from "./block.ts";
import { poolAmounts } from "./format.ts";
import { processLines, startedWords } from "./places/process_text.ts";
import { preflightText } from "./preflight_text.ts";
import { printable } from "./printable.ts";

/**
 * An event of a run as people read it: plain lines without colour and without a line break at the
 * end. Layer 1's report is `validationText`'s; of `validation` only the seed is told here.
 */
export function renderEvent(event: RunEvent): string {
  switch (event.event) {
    case "validation":
      return `Run in mode ${event.mode} with seed ${event.seed}`;
    case "allocated":
      // A transcript doesn't know how much.
      if (event.pools.length === 0) return said(event.id, "allocated");
      return [
        event.launcher === undefined
          ? allocationText({ ok: true, ...event })
          : ownAllocationText(event),
        preflightText(event.preflight),
      ].join("\n");
    case "loaded":
      return said(event.id, loaded(event));
    case "thought":
      return said(
        event.id,
        `turn ${event.turn}${event.stop === "aborted" ? ", cut off" : ""}: ${quoted(event.text)}`,
      );
    case "note":
      return said(event.id, `note ${event.turn}: ${quoted(event.text)}`);
    case "whisper":
      return event.by === "hand"
        ? said(event.id, `hears a hand's whisper in turn ${event.turn}: ${quoted(event.text)}`)
        : said(event.id, `whisper ${event.turn}: ${quoted(event.text)}`);
    case "death": {
      const detail = event.detail === undefined ? "" : ` (${printable(event.detail)})`;
      return said(
        event.id,
        `died in turn ${event.turn}: ${printable(event.message)}${detail}; death ${event.deaths}` +
          (event.pools.length === 0 ? "" : `, ${givenBack(event)} given back`),
      );
    }
    case "resurrection":
      return said(
        event.id,
        `resurrected in turn ${event.turn} after ${counted(event.deaths, "death")}` +
          placeText(event) +
          (event.pools.length === 0 ? "" : `: ${allocatedAmounts(event)} allocated`),
      );
    case "prompt":
      return said(event.id, `has another prompt from turn ${event.turn} on`);
    case "paused":
      return `Paused in turn ${event.turn}`;
    case "resumed":
      return `Resumed in turn ${event.turn}`;
    case "warning":
      return warning(event);
    case "end":
      return [...allocationLines(event), ...endLines(event)].join("\n");
  }
}

/** An event where each life has a line when it is over. */
export function renderWithLife(event: RunEvent): string {
  const told = renderEvent(event);
  return event.event === "death" ? `${told}\n${said(event.id, lifeText(event))}` : told;
}

/** A life in words: how long it was and how much was thought in it. */
export function lifeText(
  { deaths, life }: Pick<Extract<RunEvent, { event: "death" }>, "deaths" | "life">,
): string {
  const { turns, thoughts, tokens, milliseconds } = life;
  return `life ${deaths}: ${counted(turns, "turn")}, ${counted(thoughts, "thought")}, ` +
    `${counted(tokens, "token")}, ${seconds(milliseconds)}`;
}

function loaded(event: LoadedEvent): string {
  const how = event.shared ? "shares" : "loaded";
  return `${how} ${printable(event.model)}${
    placeText(event)
  }: context of ${event.contextSize} tokens, ` +
    seconds(event.milliseconds);
}

/** What started a jar's process and where it is, if that is told. */
export function placeText(event: Pick<LoadedEvent, "launcher" | "host" | "job">): string {
  const words = startedWords(event);
  if (words === "") return "";
  return event.launcher === undefined ? ` ${words}` : ` in a process of its own ${words}`;
}

/** What a jar's own process let it in with: nobody else's reservations are counted there. */
function ownAllocationText(event: Extract<RunEvent, { readonly event: "allocated" }>): string {
  return titled(`ALLOCATION APPROVED for ${event.id}${placeText(event)}`, [
    [
      "Allocated there",
      `${formatAmount(event.allocatedBytes)} / ${formatAmount(event.usableBytes)}`,
    ],
    ...event.pools.slice(1).map((pool): [string, string] => [
      `Allocated on ${pool.id}`,
      `${formatAmount(pool.allocatedBytes)} / ${formatAmount(pool.usableBytes)}`,
    ]),
  ]);
}

/** Where a process is that is there: without a host of its own it is on the run's. */
function startedThere(event: WarningEvent): string {
  return startedWords(event) + (event.host === undefined ? " on this machine" : "");
}

function warning(event: WarningEvent): string {
  const line = `WARNING: ${printable(event.message)}`;
  const details = [
    event.launcher === undefined ? undefined : `  In a process of its own ${startedThere(event)}`,
    event.allocation && allocationText(event.allocation),
    event.preflight && preflightText(event.preflight),
    event.hint === undefined ? undefined : `  ${printable(event.hint)}`,
  ];
  return [line, ...details.filter((text) => text !== undefined)].join("\n");
}

const REASONS: Readonly<Record<EndEvent["reason"], string>> = {
  turns: "Run ended as asked",
  stopped: "Run was stopped",
  refused: "Run refused: the jars do not all fit",
  failed: "Run failed: a jar could not be made",
  "no-jar-left": "Run ended: no jar is left and none could be brought back",
};

function allocationLines({ allocationReport, processes = [] }: EndEvent): string[] {
  // A transcript may know of processes alone.
  if (allocationReport === undefined) return processLines(processes);
  return [allocationReportText(allocationReport, processLines(processes))];
}

/** How a run ended and what was given back, a line each. */
export function endLines(event: EndEvent): string[] {
  const { turns, thoughts, tokens, deaths, resurrections } = event;
  const lines = [
    `${REASONS[event.reason]}: ${counted(turns, "turn")}, ${counted(thoughts, "thought")}, ` +
    `${counted(tokens, "token")}, ${counted(deaths, "death")}, ` +
    `${counted(resurrections, "resurrection")}, ${seconds(event.milliseconds)}`,
    // A transcript may not know them.
    event.pools.length === 0 ? undefined : leftReserved(event),
    event.transcriptFailure && `The transcript isn't whole: ${printable(event.transcriptFailure)}`,
  ];
  return lines.filter((text) => text !== undefined);
}

function leftReserved(event: EndEvent): string {
  return `Given back: ${givenBack(event)}; still reserved: ${event.reservedBytes} bytes` +
    event.pools.slice(1).map(({ id, reservedBytes }) =>
      reservedBytes === 0 ? "" : `, ${reservedBytes} bytes on ${id}`
    ).join("");
}

/** What was allocated to a jar of each pool. */
export function allocatedAmounts(
  { allocatedBytes, pools }: Pick<
    Extract<RunEvent, { readonly event: "allocated" }>,
    "allocatedBytes" | "pools"
  >,
): string {
  return poolAmounts(
    allocatedBytes,
    pools.map(({ id, allocatedBytes: bytes }) => ({ id, bytes })),
  );
}

function givenBack(
  { givenBackBytes, pools }: Pick<EndEvent, "givenBackBytes" | "pools">,
): string {
  return poolAmounts(
    givenBackBytes,
    pools.map(({ id, givenBackBytes: bytes }) => ({ id, bytes })),
  );
}

function said(id: string, text: string): string {
  return `[${printable(id)}] ${text}`;
}

/** A model's words on lines of their own, indented, with nothing in them that moves the cursor. */
function quoted(text: string): string {
  const lines = text.trim().split(/\r?\n/).map((line) => printable(line.replaceAll("\t", " ")));
  return lines.join("\n  ") || "(silence)";
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
