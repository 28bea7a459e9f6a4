import type { z } from "zod";
import { BrainjarError } from "../../budget/error.ts";
import type { Command } from "../brainjar.ts";
import { didYouMean } from "../flags/did_you_mean.ts";

/** What `brainjar schema` prints, by name; each is loaded when it is asked for. */
const SCHEMAS: Readonly<Record<string, () => Promise<z.ZodType>>> = {
  jars: async () => (await import("../jar_file/schema.ts")).JAR_FILE_SCHEMA,
  check: async () => (await import("../../report/schema/check.ts")).CHECK_SCHEMA,
  estimate: async () => (await import("../../report/schema/estimate.ts")).ESTIMATE_SCHEMA,
  run: async () => (await import("../../report/schema/event.ts")).RUN_SCHEMA,
};

const NAMES = Object.keys(SCHEMAS);

/**
 * `brainjar schema NAME`: prints a JSON Schema, draft 2020-12.
 *
 * @throws BrainjarError `missing-operand`, `unexpected-operand`, `unknown-schema`.
 */
export const schema: Command = async ({ operands: [name, surplus], output }) => {
  if (name === undefined) {
    throw new BrainjarError("missing-operand", "brainjar schema needs the name of a schema", {
      hint: `Write brainjar schema ${NAMES.join("|")}`,
    });
  }
  if (surplus !== undefined) {
    throw new BrainjarError("unexpected-operand", `Unexpected "${surplus}" after "${name}"`, {
      hint: "Print one schema at a time",
    });
  }
  const load = Object.hasOwn(SCHEMAS, name) ? SCHEMAS[name] : undefined;
  if (load === undefined) {
    throw new BrainjarError("unknown-schema", `Unknown schema "${name}"`, {
      hint: `${didYouMean(name, NAMES)} It takes ${NAMES.join(", ")}`,
    });
  }
  const [{ z }, shape] = await Promise.all([import("zod"), load()]);
  // As input: an answer may get more keys without becoming another schema.
  const options = { target: "draft-2020-12", io: "input" } as const;
  output.answer(`${JSON.stringify(z.toJSONSchema(shape, options), null, 2)}\n`);
  return 0;
};
