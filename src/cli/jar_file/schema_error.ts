import type { z } from "zod";
import { BrainjarError } from "../../budget/error.ts";
import { printable } from "../../report/printable.ts";
import { didYouMean } from "../flags/did_you_mean.ts";
import { knownKeys } from "./schema.ts";
import type { JarSource } from "./source.ts";

/** Longest value that a sentence quotes. */
const LONGEST_QUOTE = 40;

/** The first thing that is wrong with a jar file, in the order of its text, with its place. */
export function schemaError(error: z.ZodError, source: JarSource): BrainjarError {
  const problems = error.issues.flatMap((issue) => problemsOf(issue, source));
  const [first] = problems.toSorted((a, b) => a.offset - b.offset);
  // A field that takes this or that complains twice of one value.
  const more = new Set(problems.map(({ offset }) => offset)).size - 1;
  return new BrainjarError(
    first?.code ?? "jar-file-invalid",
    first?.message ?? `Jar file is invalid: ${printable(source.path)}`,
    { hint: [first?.hint, more > 0 ? `${more} more like this` : ""].filter(Boolean).join("; ") },
  );
}

interface Problem {
  readonly offset: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

function problemsOf(issue: z.core.$ZodIssue, source: JarSource): Problem[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      offset: source.offsetOf([...path, key]),
      code: "jar-file-unknown-key",
      message: `Unknown key "${printable(key)}" at ${source.placeOf([...path, key], "key")}`,
      hint: didYouMean(key, knownKeys(path), `It takes ${knownKeys(path).join(", ")}`),
    }));
  }
  const name = [...path].reverse().find((key) => typeof key === "string");
  const subject = name === undefined ? "A jar file" : `"${printable(String(name))}"`;
  const missing = issue.input === undefined;
  const told = missing ? path.slice(0, -1) : path;
  const wrong = missing ? "is missing" : `can't be ${quote(issue.input)}`;
  return [{
    offset: source.offsetOf(told),
    code: "jar-file-invalid",
    message: `${subject} ${wrong} at ${source.placeOf(told)}`,
    hint: issue.message,
  }];
}

function quote(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = typeof value === "number" ? String(value) : printable(JSON.stringify(value));
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}
