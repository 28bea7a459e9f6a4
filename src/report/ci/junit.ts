import { formatAmount } from "../../budget/size.ts";
import type { InstanceValidation, Validation } from "../../budget/validation.ts";
import { namedPool } from "../../budget/pools/pools.ts";
import { devicePools } from "../devices_text.ts";
import { issueCause, issueMessage, warningsOf } from "../message.ts";
import { askedWords, everyInstance, livesWords, placeIn } from "../places/places.ts";
import { recommendationMessage } from "../recommendation.ts";
import { xmlAttributes, xmlLines } from "./xml.ts";

/** When a check was made, and how long it took. */
interface JunitTiming {
  readonly at: Date;
  readonly seconds: number;
}

/** One test case as a reporter shows it. */
interface TestCase {
  readonly name: string;
  /** What went wrong; absent where it passed. */
  readonly problem?: {
    readonly element: "failure" | "error";
    readonly type: string;
    readonly message: string;
    readonly lines: readonly string[];
  };
  /** What was printed beside it. */
  readonly notes?: readonly string[];
}

const SUITE = "brainjar check";

/**
 * A validation as a JUnit file: one suite with a case for each jar, which fails where that jar alone
 * is too large, for the machine or its own RAM limit, and a case for their sum, which fails where layer 1 does. Without a line break at
 * the end.
 *
 * The elements and attributes are those that the Ant task's format and Jenkins' reader have in
 * common; `hostname` is required there and says nothing here.
 */
export function junitXml(validation: Validation, timing: JunitTiming): string {
  const cases = [
    ...everyInstance(validation).map((instance) => jarCase(instance, validation)),
    sumCase(validation),
  ];
  return suiteXml(cases, timing, propertiesXml(validation));
}

/**
 * What could not be checked at all, as a JUnit file with one case in error.
 *
 * @example
 * ```ts
 * import { junitError } from "./junit.ts";
 * const error = { code: "model-not-found", message: "Model file not found: <a>.gguf" };
 * const xml = junitError(error, { at: new Date(0), seconds: 0 });
 * if (!xml.includes("&lt;a&gt;")) throw new Error(xml);
 * ```
 */
export function junitError(
  error: { readonly code: string; readonly message: string; readonly hint?: string | undefined },
  timing: JunitTiming,
): string {
  const { code, message, hint } = error;
  const lines = [message, ...(hint ? [hint] : [])];
  return suiteXml(
    [{ name: "all jars together", problem: { element: "error", type: code, message, lines } }],
    timing,
    "",
  );
}

function jarCase(instance: InstanceValidation, validation: Validation): TestCase {
  const required = formatAmount(instance.requiredBytes);
  const place = placeIn(validation, instance.id);
  const notes = [
    ...place === undefined ? [] : [`Lives: ${livesWords(place)}`],
    ...place?.launcher === undefined ? [] : [`Asked for: ${askedWords(place)}`],
    `Model: ${instance.model}`,
    `Floor: ${formatAmount(instance.floorBytes)}`,
    `Working set: ${formatAmount(instance.workingSetBytes)}`,
    ...(instance.ramLimitBytes === undefined
      ? []
      : [`RAM limit: ${formatAmount(instance.ramLimitBytes)}`]),
    `Required: ${required}`,
    ...instance.pools.slice(1).map(({ id, requiredBytes }) =>
      `Required on ${id}: ${formatAmount(requiredBytes)}`
    ),
    ...warningNotes(validation, instance.id),
  ];
  const name = `${instance.id} (${instance.role})`;
  const over = validation.issues.find((issue) =>
    (issue.code === "over-limit" || issue.code === "no-machine-offered") &&
    issue.id === instance.id
  );
  if (over) {
    const message = issueMessage(over);
    const lines = [message, issueCause(over)];
    return { name, notes, problem: { element: "failure", type: over.code, message, lines } };
  }
  const message = tooLargeAlone(instance, validation);
  if (message === undefined) return { name, notes };
  return {
    name,
    notes,
    problem: { element: "failure", type: "jar-too-large", message, lines: [message] },
  };
}

/** How a jar alone is more than some pool has; nothing where it isn't. */
function tooLargeAlone(
  instance: InstanceValidation,
  validation: Validation,
): string | undefined {
  const { pools } = validation;
  // This machine isn't asked for what lives elsewhere.
  if (placeIn(validation, instance.id)?.isHere === false) return undefined;
  for (const { id, requiredBytes } of instance.pools) {
    const pool = pools.find((pool) => pool.id === id);
    const room = pool === undefined ? 0 : Math.min(pool.usableBytes, pool.availableBytes);
    if (requiredBytes <= room) continue;
    const what = pool === undefined
      ? "what is there"
      : room === pool.usableBytes
      ? "the safe threshold"
      : "what is available";
    const where = namedPool(id).pool === undefined ? "" : ` on ${id}`;
    return `Instance '${instance.id}' alone requires ${formatAmount(requiredBytes)}${where}, ` +
      `more than ${what} (${formatAmount(room)})`;
  }
  return undefined;
}

function sumCase(validation: Validation): TestCase {
  const name = "all jars together";
  const notes = [
    `Required: ${formatAmount(validation.requiredBytes)}`,
    `Safe threshold: ${formatAmount(validation.usableBytes)}`,
    `Available: ${formatAmount(validation.memory.availableBytes)}`,
    ...devicePools(validation).map(({ id, requiredBytes, usableBytes, availableBytes }) =>
      `On ${id}: ${formatAmount(requiredBytes)} required, safe threshold ` +
      `${formatAmount(usableBytes)}, available ${formatAmount(availableBytes)}`
    ),
    ...warningNotes(validation, undefined),
  ];
  const [first] = validation.issues;
  if (first === undefined) return { name, notes };
  // A case has one failure, however many limits are exceeded.
  const lines = [
    ...validation.issues.flatMap((issue) => [issueMessage(issue), issueCause(issue)]),
    ...validation.recommendations.map((one) => recommendationMessage(one, validation)),
  ];
  return {
    name,
    notes,
    problem: { element: "failure", type: first.code, message: issueMessage(first), lines },
  };
}

/** What deserves a word about one jar, or about none. */
function warningNotes(validation: Validation, id: string | undefined): string[] {
  return warningsOf(validation).filter((warning) => warning.id === id)
    .map(({ message }) => `Warning: ${message}`);
}

function propertiesXml(validation: Validation): string {
  const properties = {
    mode: validation.mode,
    criterion: validation.criterion,
    verdict: validation.verdict,
    totalBytes: validation.memory.totalBytes,
    availableBytes: validation.memory.availableBytes,
    usableBytes: validation.usableBytes,
    requiredBytes: validation.requiredBytes,
  };
  const onDevices = devicePools(validation).flatMap((pool) =>
    (["totalBytes", "availableBytes", "usableBytes", "requiredBytes"] as const).map((name) =>
      [`${name} ${pool.id}`, pool[name]] as const
    )
  );
  const lines = [...Object.entries(properties), ...onDevices].map(([name, value]) =>
    `      <property${xmlAttributes({ name, value })}/>\n`
  );
  return `    <properties>\n${lines.join("")}    </properties>\n`;
}

function suiteXml(cases: readonly TestCase[], timing: JunitTiming, properties: string): string {
  const count = (element: string) =>
    cases.filter(({ problem }) => problem?.element === element).length;
  const counts = {
    tests: cases.length,
    failures: count("failure"),
    errors: count("error"),
    time: timing.seconds.toFixed(3),
  };
  const suite = {
    name: SUITE,
    ...counts,
    skipped: 0,
    // Ant's format has no fraction and no zone: it is UTC.
    timestamp: timing.at.toISOString().slice(0, 19),
    hostname: "localhost",
  };
  return '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<testsuites${xmlAttributes({ name: SUITE, ...counts })}>\n` +
    `  <testsuite${xmlAttributes(suite)}>\n${properties}${cases.map(caseXml).join("")}` +
    `  </testsuite>\n</testsuites>`;
}

function caseXml({ name, problem, notes = [] }: TestCase): string {
  const attributes = xmlAttributes({ name, classname: "brainjar.check", time: "0.000" });
  const children: string[] = [];
  if (problem) {
    const { element, type, message, lines } = problem;
    children.push(
      `<${element}${xmlAttributes({ message, type })}>${xmlLines(lines)}</${element}>`,
    );
  }
  if (notes.length > 0) children.push(`<system-out>${xmlLines(notes)}</system-out>`);
  const inner = children.map((child) => `      ${child}\n`).join("");
  return `    <testcase${attributes}>\n${inner}    </testcase>\n`;
}
