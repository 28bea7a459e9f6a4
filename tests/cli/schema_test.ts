import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { COMMANDS } from "../../src/cli/flags/commands.ts";
import { command } from "../../src/cli/commands/schema.ts";
import { record } from "./record.ts";
import { valuesOf } from "./jar_files.ts";

const values = valuesOf("schema", []);

Deno.test("schema: every one that help names is printed, draft 2020-12", async () => {
  const names = COMMANDS.find(({ name }) => name === "schema")?.operands.split("|") ?? [];
  assertEquals(names.length, 8);
  for (const name of names) {
    const { output, answered } = record();
    assertEquals(await command({ values, operands: [name], output }), 0);
    const { $schema } = JSON.parse(answered());
    assertEquals($schema, "https://json-schema.org/draft/2020-12/schema", name);
  }
});

Deno.test("schema: a jar file's is strict, an answer's leaves room for more", async () => {
  const printed = async (name: string) => {
    const { output, answered } = record();
    await command({ values, operands: [name], output });
    return JSON.parse(answered());
  };
  const jars = await printed("jars");
  assertEquals(jars.additionalProperties, false);
  assertEquals(jars.properties.jars.items.required, ["name"]);
  assertEquals(JSON.stringify(await printed("check")).includes("additionalProperties"), false);
});

Deno.test("schema: no name, two names, another name", async () => {
  const table: readonly (readonly [readonly string[], string])[] = [
    [[], "missing-operand"],
    [["jars", "check"], "unexpected-operand"],
    [["chek"], "unknown-schema"],
    [["toString"], "unknown-schema"],
  ];
  for (const [operands, code] of table) {
    const { output, answered } = record();
    const error = await assertRejects(
      async () => await command({ values, operands, output }),
      BrainjarError,
    );
    assertEquals(error.code, code);
    assertMatch(error.hint ?? "", /./);
    assertEquals(answered(), "");
  }
});
