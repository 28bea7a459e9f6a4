import { assert, assertEquals } from "@std/assert";
import { GB, MB } from "../../../src/budget/size.ts";
import { estimateFootprint, estimateFromFileSize } from "../../../src/footprint/estimate.ts";
import type { Footprint } from "../../../src/footprint/footprint.ts";
import { estimateHeading, estimateRow } from "../../../src/report/estimate/estimate_text.ts";
import { residentLines } from "../../../src/report/estimate/resident_text.ts";
import { AVX2_CPU, header, options, tensor } from "../../llama_cpp/sample_header.ts";
import { MODEL } from "../cases.ts";

const UNITS: Readonly<Record<string, number>> = { GB, MB, KB: 1024, bytes: 1, byte: 1 };

/** The bytes that an amount stands for; nothing for a dash. */
function bytesOf(amount: string): number {
  const [number = "0", unit = "bytes"] = amount.split(" ");
  return amount === "-" ? 0 : Number(number) * (UNITS[unit] ?? NaN);
}

/** Each amount is off by half of its last digit at most. */
const SLACK = 0.005 * GB;

const header8 = header("llama", {}, [
  tensor("token_embd.weight", 2, 512, 1000),
  tensor("blk.0.ffn_up.weight", 8, 512, 3_000_000),
  tensor("blk.0.ffn_down.weight", 2, 512, 800_000),
]);

const FOOTPRINTS: Readonly<Record<string, Footprint>> = {
  mapped: await estimateFootprint(header8, options(), AVX2_CPU),
  copied: await estimateFootprint(header8, options({ mmap: false }), AVX2_CPU),
  small: await estimateFootprint(header("llama"), options(), AVX2_CPU),
  "by file size": estimateFromFileSize(3 * GB),
};

for (const [name, footprint] of Object.entries(FOOTPRINTS)) {
  Deno.test(`estimate text: ${name}: the columns before the working set sum to it`, () => {
    const headings = estimateHeading().trim().split(/ {2,}/);
    const row = estimateRow({ model: { ...MODEL, name: "Brain" }, options: options(), footprint });
    const cells = row.trim().split(/ {2,}/);
    assertEquals(cells.length, headings.length);
    const at = headings.indexOf("working set");
    const parts = cells.slice(2, at).map(bytesOf);
    const sum = parts.reduce((sum, bytes) => sum + bytes, 0);
    assert(Math.abs(sum - bytesOf(cells[at] ?? "")) <= SLACK * parts.length, row);
    assert(!/ 0\.00 /.test(row), row);
  });

  Deno.test(`resident text: ${name}: each column sums to its figure`, () => {
    const lines = residentLines(footprint).slice(1)
      .map((line) => line.replace(/ {2}\(.*\)$/, "").trim().split(/ {2,}/));
    for (const [column, figure] of [[1, "floor"], [2, "workingSet"]] as const) {
      const sum = lines.reduce((sum, cells) => sum + bytesOf(cells[column] ?? ""), 0);
      assert(Math.abs(sum - footprint.bytes[figure]) <= SLACK * lines.length, figure);
    }
  });
}
