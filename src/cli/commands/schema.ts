import { z } from "zod";
import { CHECK_SCHEMA } from "../../report/schema/check.ts";
import { ESTIMATE_SCHEMA } from "../../report/schema/estimate.ts";
import { RUN_SCHEMA } from "../../report/schema/event.ts";
import { JAR_SCHEMA } from "../../report/schema/jar.ts";
import { PLACEMENT_SCHEMA } from "../../report/schema/placement.ts";
import { PLAN_SCHEMA } from "../../report/schema/plan.ts";
import { TRANSCRIPT_SCHEMA } from "../../report/schema/transcript.ts";
import type { Command } from "../command.ts";
import { chooseByOperand } from "../flags/operand.ts";
import { JAR_FILE_SCHEMA } from "../jar_file/schema.ts";

/** What `brainjar schema` prints, by name. */
const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  jars: JAR_FILE_SCHEMA,
  check: CHECK_SCHEMA,
  estimate: ESTIMATE_SCHEMA,
  plan: PLAN_SCHEMA,
  placement: PLACEMENT_SCHEMA,
  run: RUN_SCHEMA,
  transcript: TRANSCRIPT_SCHEMA,
  jar: JAR_SCHEMA,
};

/**
 * `brainjar schema NAME`: prints a JSON Schema, draft 2020-12.
 *
 * @throws BrainjarError `missing-operand`, `unexpected-operand`, `unknown-schema`.
 */
export const command: Command = ({ operands, output }) => {
  const schema = chooseByOperand(operands, {
    command: "schema",
    noun: "schema",
    choices: SCHEMAS,
    onlyOne: "Print one schema at a time",
  });
  // As input: an answer may get more keys without becoming another schema.
  const options = { target: "draft-2020-12", io: "input" } as const;
  output.answer(`${JSON.stringify(z.toJSONSchema(schema, options), null, 2)}\n`);
  return 0;
};
