import type { BrainjarError } from "../budget/error.ts";
import { githubError } from "../report/ci/github.ts";
import { junitError } from "../report/ci/junit.ts";
import { jsonText } from "../report/printable.ts";

/**
 * What a program that reads stdout is told of an error, besides people on stderr: an object, an
 * annotation or a test in error, as the command line asks for, or nothing. It looks at the
 * arguments themselves, since it may be they that are wrong.
 */
export function errorAnswer(argv: readonly string[], error: BrainjarError): string {
  switch (formatOf(argv)) {
    case "json": {
      const { code, message, hint } = error;
      return `${jsonText({ error: { code, message, hint } })}\n`;
    }
    case "github":
      return `${githubError(error)}\n`;
    case "junit":
      return `${junitError(error, { at: new Date(), seconds: 0 })}\n`;
    default:
      return "";
  }
}

function formatOf(argv: readonly string[]): string | undefined {
  if (argv.includes("--quiet")) return undefined;
  if (argv.includes("--json")) return "json";
  const at = argv.findIndex((argument) => argument === "--format");
  return argv.find((argument) => argument.startsWith("--format="))?.slice("--format=".length) ??
    (at < 0 ? undefined : argv[at + 1]);
}
