import { formatAmount } from "../../budget/size.ts";
import { deviceTotal } from "../devices_text.ts";
import type { EstimatedModel } from "../estimate/estimate_json.ts";
import { workingSetParts } from "../estimate/estimate_text.ts";
import type { Paragraph } from "./paragraph.ts";

/** What one model needs, the sum first; every figure is in the table (`estimateRow`). */
export function estimateShort({ model, options, footprint }: EstimatedModel): Paragraph[] {
  const { workingSet, floor, peak } = footprint.bytes;
  const parts = workingSetParts(footprint).filter(({ bytes }) => bytes > 0)
    .toSorted((a, b) => b.bytes - a.bytes);
  const devices = (footprint.devices ?? []).filter((device) => deviceTotal(device) > 0);
  return [
    {
      words: [
        { style: "bold", text: formatAmount(workingSet) },
        ...devices.map((device) => `, ${formatAmount(deviceTotal(device))} on ${device.id}`),
        `  ${model.name}`,
        { style: "dim", text: `, context of ${options.contextSize} tokens` },
      ],
    },
    {
      indent: 2,
      label: [""],
      words: [`killed below ${formatAmount(floor)}, at most ${formatAmount(peak)}`],
    },
    {
      indent: 2,
      label: [""],
      words: [{
        style: "dim",
        text: parts.map(({ name, bytes }) => `${name} ${formatAmount(bytes)}`).join(", "),
      }],
    },
  ];
}
