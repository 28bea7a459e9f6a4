import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { junitError, junitXml } from "../../src/report/ci/junit.ts";
import { xmlAttributes, xmlLines } from "../../src/report/ci/xml.ts";
import { assertGolden } from "../golden.ts";
import { FAILED, HOSTILE, OVER_LIMIT, PASSED } from "./ci_cases.ts";

const TIMING = { at: new Date("2026-11-23T12:34:56.789Z"), seconds: 0.1234 };
const SCHEMA = new URL("./junit.xsd", import.meta.url).pathname;

const FILES: Readonly<Record<string, string>> = {
  failed: junitXml(FAILED, TIMING),
  hostile: junitXml(HOSTILE, TIMING),
  passed: junitXml(PASSED, TIMING),
  error: junitError(
    {
      code: "model-not-found",
      message: "Model file not found: <a>\u0001\n]]>",
      hint: "Look & see",
    },
    TIMING,
  ),
};

for (const [name, xml] of Object.entries(FILES)) {
  Deno.test(`junit: ${name}`, async () => await assertGolden(`check-junit-${name}`, xml));
}

Deno.test("junit: the counts are those of the elements", () => {
  for (const [name, xml] of Object.entries(FILES)) {
    const count = (element: string) => xml.split(`<${element} `).length - 1;
    const counts = [...xml.matchAll(/tests="(\d+)" failures="(\d+)" errors="(\d+)"/g)]
      .map((match) => match.slice(1).map(Number));
    const real = [count("testcase"), count("failure"), count("error")];
    assertEquals(counts, [real, real], name);
  }
});

Deno.test("junit: a jar alone too large fails its own case, the sum fails the last", () => {
  const cases = (FILES["failed"] ?? "").split("<testcase").slice(1);
  assertEquals(cases.length, FAILED.instances.length + 1);
  assert(!cases[0]?.includes("<failure"), "8 GB of 20 available fit alone");
  assert(cases.at(-1)?.includes('<failure message="Total requirements'));
  assert(cases.at(-1)?.includes("--ram-limit-god 9.1"));
});

Deno.test("junit: a jar over its own RAM limit fails its own case", () => {
  const [subject, god, sum] = junitXml(OVER_LIMIT, TIMING).split("<testcase").slice(1);
  assert(subject?.includes('type="over-limit"'), subject);
  assert(!god?.includes("<failure"), god);
  assert(sum?.includes("INSUFFICIENT MEMORY for model load: Available"), sum);
});

async function xmllintInstalled(): Promise<boolean> {
  try {
    return (await new Deno.Command("xmllint", { args: ["--version"], stderr: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

const installed = await xmllintInstalled();

async function lint(xml: string, args: readonly string[]): Promise<string> {
  const child = new Deno.Command("xmllint", {
    args: ["--noout", ...args, "-"],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(xml));
  await writer.close();
  const { code, stderr } = await child.output();
  return code === 0 ? "" : new TextDecoder().decode(stderr);
}

Deno.test({
  name: "junit: test reporters' schema takes every file" +
    (installed ? "" : " (skipped: xmllint of libxml2-utils is not installed)"),
  ignore: !installed,
  fn: async () => {
    for (const [name, xml] of Object.entries(FILES)) {
      assertEquals(await lint(xml, ["--schema", SCHEMA]), "", name);
    }
    const wrong = (FILES["passed"] ?? "").replace(' hostname="localhost"', "");
    assert(await lint(wrong, ["--schema", SCHEMA]) !== "", "The schema sees a missing attribute");
  },
});

Deno.test({
  name: "junit: any text at all makes well-formed XML" +
    (installed ? "" : " (skipped: xmllint of libxml2-utils is not installed)"),
  ignore: !installed,
  fn: async () => {
    const texts = fc.sample(fc.string({ unit: "binary", maxLength: 200 }), {
      seed: 11,
      numRuns: 300,
    });
    const units = Array.from({ length: 0x10000 }, (_, unit) => unit)
      .filter((unit) => unit < 0x200 || unit > 0xd7f0 && unit < 0xe010 || unit > 0xfff0)
      .map((unit) => String.fromCharCode(unit)).join("a");
    const xml = [...texts, units]
      .map((text) => `<t${xmlAttributes({ text })}>${xmlLines([text])}</t>`).join("\n");
    // As bytes: a lone surrogate would become U+FFFD on the way, and nothing be tested.
    assert(xml.isWellFormed(), "A lone surrogate came through");
    assertEquals(await lint(`<r>${xml}</r>`, ["--huge"]), "");
  },
});
