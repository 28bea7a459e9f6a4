import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { errorAnswer } from "../../src/cli/error_answer.ts";
import { renderError } from "../../src/cli/terminal/output.ts";
import { BrainjarError } from "../../src/budget/error.ts";
import { GB } from "../../src/budget/size.ts";
import type { Validation } from "../../src/budget/validation.ts";
import { checkJson } from "../../src/report/check_json.ts";
import { githubAnnotations, githubError } from "../../src/report/ci/github.ts";
import { junitError, junitXml } from "../../src/report/ci/junit.ts";
import { summaryMarkdown } from "../../src/report/ci/summary.ts";
import { compareText } from "../../src/report/estimate/compare_text.ts";
import type { EstimatedModel } from "../../src/report/estimate/estimate_json.ts";
import { estimateJsonEntry } from "../../src/report/estimate/estimate_json.ts";
import { estimateNotes, estimateRow } from "../../src/report/estimate/estimate_text.ts";
import { eventJson } from "../../src/report/event_json.ts";
import { renderEvent } from "../../src/report/event_text.ts";
import { allocationReportText, allocationText } from "../../src/report/allocation_text.ts";
import {
  measureJson,
  type Measurement,
  measureText,
} from "../../src/report/estimate/measure_text.ts";
import { memoryText } from "../../src/report/memory_text.ts";
import { jsonText, printable, printableLines } from "../../src/report/printable.ts";
import { recommendJson, recommendText } from "../../src/report/recommended_limits.ts";
import type { ValidationReport } from "../../src/report/validation_report.ts";
import { validationText } from "../../src/report/validation_text.ts";
import { device, inRam, jar, machine, validate } from "../budget/cases.ts";
import { options } from "../llama_cpp/sample_header.ts";
import { MODEL, MODEL_BYTES, MODEL_FOOTPRINT, MODEL_PARTS } from "./cases.ts";

// A header, a path, a jar file and the environment may say anything. Whatever they say, a report
// has the lines it would have, with nothing in them that a terminal, a CI service's log reader or
// an XML reader acts on.

/** What no answer may have in it, as Unicode has it, and not as the code writes it out. */
const FORBIDDEN = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u{fffe}\u{ffff}]/u;

/** What CI services take for a command, where brainjar itself didn't write it. */
const COMMAND = /^\s*::|##[a-z]*\[/im;

/** Everything that brainjar is told from outside, in one word each. */
interface Told {
  readonly name: string;
  readonly path: string;
  readonly id: string;
}

function reportOf({ name, path, id }: Told, available: number): ValidationReport {
  const validation: Validation = {
    ...validate(
      [
        jar(id, { model: path, footprint: MODEL_FOOTPRINT, limitGb: 2 }),
        jar(`${id}2`, { model: path, footprint: MODEL_FOOTPRINT }),
      ],
      machine(8, available, {
        sources: [
          { figure: "total", name, path, bytes: 8 * GB, decides: true },
          {
            figure: "available",
            name,
            bytes: available * GB,
            decides: true,
            terms: [{ name, path, bytes: 1 }],
          },
        ],
        leftOut: [{ name, path, bytes: 1, reason: name }],
        devices: [device("cuda:0", 24, 24, {
          name,
          identity: path,
          sources: [{ figure: "total", name, path, bytes: 1, decides: true }],
          holders: [{ processId: 1, name, bytes: 1 }],
        })],
        warnings: [{ code: "odd", message: `${path} is odd` }],
      }),
    ),
    recommendations: [
      { kind: "changes", changes: { shareWeights: true }, requiredBytes: 1, jarFile: path },
      { kind: "changes", changes: { contextSize: 256 }, requiredBytes: 1 },
    ],
  };
  return {
    validation,
    estimator: "header",
    models: [{ ...MODEL, path, name, architecture: name, quantization: name }],
    instances: [id, `${id}2`].map((id) => ({
      id,
      contextSize: 4096,
      footprint: {
        bytes: MODEL_BYTES,
        resident: MODEL_PARTS,
        confidence: "unknown",
        notes: [`Architecture "${name}" isn't known`],
      },
    })),
  };
}

const OPTIONS = options({ contextSize: 4096 });

/** All that brainjar can answer about what it was told. */
async function answers(told: Told): Promise<Readonly<Record<string, string>>> {
  const { name, path, id } = told;
  const failed = reportOf(told, 1);
  const passed = reportOf(told, 8);
  const timing = { at: new Date(0), seconds: 0 };
  const error = new BrainjarError("odd", `Model file ${path} has "${name}"`, { hint: name });
  const model: EstimatedModel = {
    model: { ...MODEL, path, name, architecture: name, quantization: name },
    options: OPTIONS,
    footprint: {
      estimator: "header",
      confidence: "unknown",
      notes: [`Architecture "${name}" isn't known`],
      bytes: MODEL_BYTES,
      resident: MODEL_PARTS,
    },
  };
  const measurement: Measurement = {
    path,
    estimated: MODEL_BYTES,
    stages: [{ stage: "started", anonymousBytes: 1, fileBytes: 1 }],
    anonymousPeakBytes: 1,
    peakBytes: 1,
    floorRatio: 1,
    savedTo: path,
  };
  const recommended = {
    result: {
      ok: true,
      validation: passed.validation,
      limits: [{ role: "subject", bytes: GB, text: "1" }],
    },
    contexts: [{ id, contextSize: 1 }],
  } as const;
  const events = [
    { event: "warning", id, code: "odd", message: name, hint: path },
    {
      event: "loaded",
      id,
      role: "subject",
      turn: 0,
      model: path,
      contextSize: 1,
      shared: false,
      milliseconds: 1,
    },
    {
      event: "death",
      id,
      role: "subject",
      turn: 1,
      cause: "engine-failed",
      message: name,
      deaths: 1,
      life: { turns: 1, thoughts: 1, tokens: 1, milliseconds: 1 },
      ...inRam({ givenBackBytes: 1, reservedBytes: 0 }),
      detail: path,
    },
  ] as const;
  const paint = (_style: string, text: string) => text;
  return {
    "check text, failed": await validationText(failed),
    "check text, passed": await validationText(passed),
    "check json": jsonText(checkJson(failed.validation, "header")),
    "check github, failed": githubAnnotations(failed.validation),
    "check github, passed": githubAnnotations(passed.validation),
    "check junit, failed": junitXml(failed.validation, timing),
    "check junit, passed": junitXml(passed.validation, timing),
    "check summary": summaryMarkdown(failed),
    "estimate row": estimateRow(model) + estimateNotes(model),
    "estimate compare": compareText([model, {
      ...model,
      footprint: {
        ...model.footprint,
        estimator: "engine",
        dryLoad: { modelBytes: 1, contextBytes: 1, leftOutBytes: 1 },
      },
    }]),
    "estimate json": jsonText(estimateJsonEntry(model)),
    "memory": memoryText(failed.validation.memory, []),
    "measure": measureText(measurement),
    "measure json": jsonText(measureJson(measurement)),
    "recommend": recommendText(recommended, []),
    "recommend json": jsonText(recommendJson(recommended, [])),
    "allocation": allocationText({ ok: false, id, reason: "already-allocated" }),
    "allocation report": allocationReportText({
      ...inRam({
        totalBytes: 1,
        usedPercent: 1,
        usableBytes: 1,
        allocatedBytes: 1,
        remainingBytes: 1,
      }),
      jars: [{ id, model: path, modelBytes: 1, ...inRam({ allocatedBytes: 1 }) }],
    }),
    ...Object.fromEntries(
      events.flatMap((event) => [
        [`run ${event.event}`, renderEvent(event)],
        [`run ${event.event} json`, jsonText(eventJson(event))],
      ]),
    ),
    "error": renderError(error, { paint }),
    "error github": githubError(error),
    "error junit": junitError(error, timing),
    "error json": errorAnswer(["check", "--json"], error),
  };
}

/** Where brainjar's own commands to GitHub begin. */
const OWN_COMMAND = /^::(?:error|warning) title=/gm;

const PLAIN = await answers({ name: "Name", path: "/m/a.gguf", id: "jar" });

async function assertHarmless(told: Told): Promise<void> {
  for (const [kind, text] of Object.entries(await answers(told))) {
    const found = FORBIDDEN.exec(text)?.[0].codePointAt(0)?.toString(16);
    assertEquals(found, undefined, `${kind}: a raw U+${found}`);
    const others = kind.includes("github") ? text.replaceAll(OWN_COMMAND, "") : text;
    assertEquals(COMMAND.exec(others)?.[0], undefined, `${kind}: a command of its own\n${text}`);
    const lines = (answer: string) => answer.split("\n").length;
    assertEquals(lines(text), lines(PLAIN[kind] ?? ""), `${kind}: a line of its own\n${text}`);
    if (kind.includes("json")) JSON.parse(text);
  }
}

const HOSTILE_UNITS = [
  ...["\n", "\r", "\t", "\0", "\u001b[2J", "\u007f", "\u0085", "\u009b2J", "\u00ad"],
  ...["\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069", "\u200b", "\ufeff"],
  ...["\ufffe", "\uffff", "\ud800", "\udc00", "\u{e0041}", "\u{1d173}"],
  ...["::", "::add-mask::", "##[", "##[add-mask]", "##vso[task.setvariable]", "#", ":", " "],
  ...["%0A", "]]>", "<", "&", '"', "'", "|", "`", "\\", "a", "ä", "🫙"],
];

Deno.test("hostile words: no answer in any format carries them on", async () => {
  const text = fc.string({ unit: fc.constantFrom(...HOSTILE_UNITS), minLength: 1, maxLength: 8 });
  const binary = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
  const words = fc.oneof(text, binary);
  await fc.assert(
    fc.asyncProperty(fc.record({ name: words, path: words, id: words }), assertHarmless),
    { seed: 7, numRuns: 400 },
  );
});

Deno.test("hostile words: each of them alone, at the start of every answer's words", async () => {
  for (const word of HOSTILE_UNITS) {
    for (const told of [`${word}add-mask::x`, `\n${word}x`, ` ${word}[x]`, word]) {
      await assertHarmless({ name: told, path: told, id: told });
    }
  }
});

Deno.test("printable: what Unicode calls control or format is escaped, and letters are not", () => {
  const differing: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    const escaped = printable(`a${character}`) !== `a${character}`;
    const known = /[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\p{Co}]/u.test(character);
    // What isn't assigned may go either way, but for the two that XML can't hold.
    if (known && escaped || FORBIDDEN.test(character) && !escaped) {
      differing.push(code.toString(16));
    }
  }
  // A line feed is no letter of a line.
  assertEquals(differing, []);
  assertEquals(printable("\n"), "\\u{a}");
});

Deno.test("printable: lines that were put together keep their breaks and nothing else", () => {
  assertEquals(printableLines("a\n\u001b[2Jb\r\n"), "a\n\\u{1b}[2Jb\\u{d}\n");
});

Deno.test("json: reads back as what it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const json = jsonText({ text });
      assert(!FORBIDDEN.test(json) && !json.includes("\n"), json);
      assertEquals(JSON.parse(json), { text });
    }),
    { seed: 3, numRuns: 500 },
  );
});

Deno.test("printable: megabytes on one line are as printable as a word", () => {
  const long = "a".repeat(20_000_000);
  assertEquals(printable(long), long);
  assertEquals(printable(`${long}\u001b`), `${long}\\u{1b}`);
  assertEquals(printableLines(long), long);
  assertEquals(jsonText(long), JSON.stringify(long));
});
