import { assertEquals } from "@std/assert";

const folder = new URL("../fixtures/goldens/", import.meta.url);

/**
 * Compares a report with the one kept in fixtures/goldens; `UPDATE_GOLDENS=1` keeps this one
 * instead, to be read in the diff before it is committed.
 */
export async function assertGolden(name: string, text: string): Promise<void> {
  const file = new URL(`${name}.txt`, folder);
  if (Deno.env.get("UPDATE_GOLDENS") === "1") {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(file, `${text}\n`);
    return;
  }
  const golden = await Deno.readTextFile(file).catch((error: unknown) => {
    if (error instanceof Deno.errors.NotFound) return "(no golden: run with UPDATE_GOLDENS=1)";
    throw error;
  });
  assertEquals(`${text}\n`, golden, `The report differs from fixtures/goldens/${name}.txt`);
}
