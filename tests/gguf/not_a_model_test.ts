import { assertEquals } from "@std/assert";
import { otherKind } from "../../src/gguf/not_a_model.ts";
import { readBytes } from "./read_bytes.ts";
import { buildHeader } from "./build_header.ts";
import { MODEL_HEADER, OTHER_HEADERS } from "./other_headers.ts";

for (const [name, header, what] of OTHER_HEADERS) {
  Deno.test(`a GGUF file that is no language model is called what it is: ${name}`, async () => {
    assertEquals(otherKind(await readBytes(buildHeader(header).bytes))?.what, what);
  });
}

Deno.test("a model is one, whether or not its type says so", async () => {
  for (const type of ["model", "", undefined, "something of tomorrow"]) {
    const metadata = [
      ...MODEL_HEADER.metadata ?? [],
      ...(type === undefined
        ? []
        : [{ key: "general.type", type: "string", value: type } as const]),
    ];
    const header = await readBytes(buildHeader({ ...MODEL_HEADER, metadata }).bytes);
    assertEquals(otherKind(header), undefined);
  }
});
