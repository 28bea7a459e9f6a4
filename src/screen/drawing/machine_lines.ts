import { counted } from "../../budget/counted.ts";
import { RAM } from "../../budget/pools/pools.ts";
import { formatAmount } from "../../budget/size.ts";
import { sum } from "../../budget/sum.ts";
import { PRESSURE_WARNING_PERCENT } from "../../budget/validate.ts";
import type { Validation } from "../../budget/validation.ts";
import type { RunView } from "../../view/run_view.ts";
import { printable } from "../../report/printable.ts";
import { poolBar } from "./bars.ts";
import { cellsOf, filled, fit } from "./cells.ts";
import { ALARM, exactly, FAINT, type Line, lineCells, span, type Style } from "./styled.ts";

const LABEL_CELLS = 8;

/** What the machine has, most important first: each line stands alone, so that any number can be kept. */
export function machineLines(
  view: RunView,
  { cells, pageUrl }: { readonly cells: number; readonly pageUrl?: string },
): Line[] {
  return [
    ...nextLine(view),
    ...pageUrl === undefined ? [] : [pageLine(pageUrl, cells)],
    ...poolLines(view, cells),
    ...elsewhereLine(view),
    ...view.validation === undefined ? [] : validationLines(view.validation),
    ...sharedLines(view),
  ].map((line) => exactly(line, cells));
}

/** The two lines in which a validation says whether it passes, and by how much. */
function validationLines(validation: Validation): Line[] {
  const { ok, requiredBytes, usableBytes, marginBytes, memory, issues, warnings } = validation;
  const verdict: Style = ok ? { color: "pass", isBold: true } : ALARM;
  const margin = ok ? `, ${formatAmount(marginBytes)} to spare` : "";
  const besides = [
    issues.length > 0 && counted(issues.length, "issue"),
    warnings.length > 0 && counted(warnings.length, "warning"),
    "v shows all of it",
  ].filter(Boolean).join(", ");
  return [
    row("fits", [
      span(ok ? "VALIDATION PASSED" : "VALIDATION FAILED", verdict),
      span(
        validation.instances.length === 0
          ? ": nothing is required here"
          : `: ${formatAmount(requiredBytes)} of ${formatAmount(usableBytes)} usable${margin}`,
      ),
    ]),
    row("", [span(`${formatAmount(memory.availableBytes)} was available before; ${besides}`)]),
  ];
}

function row(label: string, rest: Line): Line {
  return [span(filled(label, LABEL_CELLS), FAINT), ...rest];
}

function nextLine({ next }: RunView): Line[] {
  if (next === undefined) return [];
  return [row("next †", [span(`${printable(next.id)}: ${printable(next.why)}`)])];
}

/** An address that scrolled away could be opened no more. */
function pageLine(url: string, cells: number): Line {
  const line = row("page", [span(printable(url))]);
  const more = span("; up to the # to watch only", FAINT);
  return url.includes("#") && lineCells(line) + cellsOf(more.text) <= cells
    ? [...line, more]
    : line;
}

function poolLines(view: RunView, cells: number): Line[] {
  return view.pools.map(({ id, totalBytes, freeBytes, reservedBytes }) => {
    const resident = sum(
      view.jars.filter(({ place }) => place?.isHere ?? true).map((jar) =>
        id === RAM
          ? jar.residentBytes
          : jar.devices.find((device) => device.id === id)?.residentBytes ?? 0
      ),
    );
    const unfilledBytes = Math.max(0, reservedBytes - resident);
    const { pressurePercent } = view;
    const pressure = id === RAM && pressurePercent !== undefined
      ? [
        span("; "),
        span(
          `pressure ${pressurePercent.toFixed(1)} %`,
          pressurePercent > PRESSURE_WARNING_PERCENT ? ALARM : undefined,
        ),
      ]
      : [];
    const words = [
      span(` ${formatAmount(freeBytes)} of ${formatAmount(totalBytes)} free`),
      span(`; ${formatAmount(reservedBytes)} for jars`),
      ...pressure,
    ];
    const width = Math.max(6, Math.min(24, cells - LABEL_CELLS - lineCells(words)));
    return row(id === RAM ? "RAM" : fit(printable(id), LABEL_CELLS - 1), [
      ...poolBar({ totalBytes, freeBytes, unfilledBytes }, width),
      ...words,
    ]);
  });
}

/** What jars have reserved of machines that the pools aren't of. */
function elsewhereLine({ jars }: RunView): Line[] {
  const others = jars.filter(({ place, reservedBytes }) =>
    !(place?.isHere ?? true) && reservedBytes > 0
  );
  if (others.length === 0) return [];
  const names = others.map(({ id, place }) =>
    printable(place?.host === undefined ? id : `${id} (${place.host})`)
  );
  const bytes = sum(others.map(({ reservedBytes }) => reservedBytes));
  return [row("others", [span(`${formatAmount(bytes)} elsewhere for ${names.join(", ")}`)])];
}

function sharedLines({ shared }: RunView): Line[] {
  return shared.map(({ model, ids, bytes }) =>
    row("shared", [
      span(`${formatAmount(bytes)} in memory once for ${printable(ids.join(", "))}: `),
      span(`${printable(model.replace(/^.*[/\\]/, ""))} and the program`),
    ])
  );
}
