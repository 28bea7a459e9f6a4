import type { z } from "zod";
import { BrainjarError } from "../../budget/error.ts";
import { printable } from "../../report/printable.ts";
import { didYouMean } from "../flags/did_you_mean.ts";
import { knownKeys } from "./schema.ts";
import { type JarSource, quoted, shortened } from "./source.ts";

/** The first thing that is wrong with a jar file, in the order of its text, with its place. */
export function schemaError(error: z.ZodError, source: JarSource): BrainjarError {
  const problems = error.issues.flatMap((issue) => problemsOf(issue, source));
  const offsets = new Set(problems.map(({ offset }) => offset));
  const first = problems.reduce((one, other) => other.offset < one.offset ? other : one);
  const { code, message, hint } = first.tell();
  // A field that takes this or that complains twice of one value.
  const more = offsets.size - 1;
  return new BrainjarError(code, message, {
    hint: [hint, more > 0 ? `${more} more like this` : ""].filter(Boolean).join("; "),
  });
}

interface Problem {
  readonly offset: number;
  /** Only one is told, and a file may have a hundred thousand. */
  tell(): { readonly code: string; readonly message: string; readonly hint: string };
}

function problemsOf(issue: z.core.$ZodIssue, source: JarSource): Problem[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      offset: source.offsetOf([...path, key]),
      tell: () => ({
        code: "jar-file-unknown-key",
        message: `Unknown key ${quoted(key)} at ${source.placeOf([...path, key], "key")}`,
        hint: didYouMean(key, knownKeys(path), `It takes ${knownKeys(path).join(", ")}`),
      }),
    }));
  }
  const name = path.findLast((key) => typeof key === "string");
  const missing = issue.input === undefined;
  const told = missing ? path.slice(0, -1) : path;
  return [{
    offset: source.offsetOf(told),
    tell: () => ({
      code: "jar-file-invalid",
      message: `"${String(name)}" ${missing ? "is missing" : `can't be ${shown(issue.input)}`} at ${
        source.placeOf(told)
      }`,
      hint: issue.message,
    }),
  }];
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return shortened(typeof value === "number" ? String(value) : printable(JSON.stringify(value)));
}
