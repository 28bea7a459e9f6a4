import { type DeviceMemory, type MachineMemory, usedPercent } from "../../budget/memory.ts";
import { formatAmount } from "../../budget/size.ts";
import { formatPercent } from "../format.ts";
import { bar, type Paragraph } from "./paragraph.ts";

const BAR_CELLS = 20;

/** What this machine has, the sum first; where each figure was read is in `memoryText`. */
export function memoryShort(memory: MachineMemory): Paragraph[] {
  const { reservedBytes, swap, pressure, warnings, devices = [] } = memory;
  return [
    ...poolLines("RAM", memory),
    ...devices.flatMap((device) => poolLines(`${device.id}, ${device.name}`, device)),
    ...optional(
      reservedBytes > 0,
      `${formatAmount(reservedBytes)} of it reserved by other brainjar processes`,
    ),
    ...optional(
      swap !== undefined && swap.totalBytes > 0,
      `${formatAmount(swap?.freeBytes ?? 0)} of swap free, not counted`,
    ),
    ...optional(
      (pressure?.someAverage10 ?? 0) > 0,
      `memory pressure: something waited for memory in ${
        formatPercent(pressure?.someAverage10 ?? 0)
      } of the last 10 seconds`,
    ),
    ...warnings.map(({ message }): Paragraph => ({
      label: [{ style: "warning", text: "Warning" }],
      indent: "Warning  ".length,
      words: [message],
    })),
  ];
}

function poolLines(
  name: string,
  pool: Pick<
    MachineMemory | DeviceMemory,
    "totalBytes" | "availableBytes" | "reservedBytes" | "sources"
  >,
): Paragraph[] {
  const used = usedPercent(pool);
  const deciding = pool.sources.find(({ figure, decides }) => figure === "available" && decides);
  return [
    {
      words: [
        { style: "bold", text: formatAmount(pool.availableBytes) },
        ` available of ${formatAmount(pool.totalBytes)} ${name}`,
      ],
    },
    {
      indent: 2,
      label: [""],
      words: [
        { style: used > 90 ? "fail" : "pass", text: bar(used / 100, BAR_CELLS) },
        ` ${formatPercent(used)} in use`,
        { style: "dim", text: deciding === undefined ? "" : `; by ${deciding.name}` },
      ],
    },
  ];
}

function optional(isSaid: boolean, text: string): Paragraph[] {
  return isSaid ? [{ indent: 2, label: [""], words: [text] }] : [];
}
