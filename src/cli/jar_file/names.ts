import { ROLES } from "../../budget/demand.ts";
import { BrainjarError } from "../../budget/error.ts";
import { DEFAULT_ROLE } from "../../plan/settings.ts";
import type { JarFile } from "./schema.ts";
import type { JarSource } from "./source.ts";

/** Throws where two jars of one file have the same name, or one has the name of another role. */
export function checkNames({ jars = [] }: JarFile, source: JarSource): void {
  const first = new Map<string, number>();
  jars.forEach(({ name }, index) => {
    const other = first.get(name);
    if (other !== undefined) {
      throw new BrainjarError(
        "duplicate-jar",
        `Two jars are named "${name}" at ${source.placeOf(["jars", other, "name"])} and ${
          source.placeOf(["jars", index, "name"])
        }`,
        { hint: "Each jar needs a name of its own" },
      );
    }
    first.set(name, index);
  });
  const misnamed = jars.findIndex(({ name, role = DEFAULT_ROLE }) =>
    ROLES.some((known) => known === name) && name !== role
  );
  if (misnamed < 0) return;
  throw new BrainjarError(
    "jar-file-invalid",
    `Jar "${jars[misnamed]?.name}" can't be called after a role that it doesn't have at ${
      source.placeOf(["jars", misnamed, "name"])
    }`,
    { hint: "Flags such as --ram-limit-god name a role's jars; give it that role or another name" },
  );
}
