import { assertEquals, assertThrows } from "@std/assert";
import { Ajv } from "ajv";
import fc from "fast-check";
import { parse } from "yaml";
import { BrainjarError } from "../../src/budget/error.ts";
import { MB } from "../../src/budget/size.ts";
import { composeFiles } from "../../src/job_files/compose.ts";
import type { Job } from "../../src/job_files/job.ts";
import { printableLines } from "../../src/report/printable.ts";
import { assertGolden } from "../golden.ts";
import { checkedWith, jobJar, jobWith, MATRIX, MORE, WORD } from "./cases.ts";
// The Compose Specification's own, of 2026-06-23 (Apache License 2.0).
import SCHEMA from "./compose-spec.json" with { type: "json" };

const IMAGE = { image: "registry/brainjar:1" };

const isCompose = new Ajv({ strict: false, validateFormats: false }).compile({
  ...SCHEMA,
  // Draft 7 by the name that ajv knows it by.
  $schema: "http://json-schema.org/draft-07/schema",
});

interface Service {
  readonly entrypoint: readonly string[];
  readonly volumes: readonly { readonly source: string; readonly target: string }[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs?: Readonly<Record<string, { readonly content: string }>>;
}

function textOf(job: Job): string {
  return composeFiles(job).map(({ text }) => text).join();
}

function read(text: string): Compose {
  return parse(text, { version: "1.1" });
}

Deno.test("compose: a service for each jar", async () => {
  await assertGolden("plan-compose", textOf({ ...MATRIX, ...IMAGE }));
});

Deno.test("compose: valid by the specification's own schema, which refuses what isn't", () => {
  const jarFile = { path: "/etc/brainjar/jars.json", text: "{}\n" };
  for (const job of [{ ...MATRIX, ...IMAGE }, MORE, { ...MORE, jarFile }]) {
    isCompose(read(textOf(job)));
    assertEquals(isCompose.errors, null);
  }
  assertEquals(isCompose({ services: { a: { mem_limits: "1b" } } }), false);
});

Deno.test("compose: whatever a word is, the container is told it as it is", () => {
  fc.assert(fc.property(WORD, (word) => {
    const text = textOf(jobWith(word, { ...MATRIX, ...IMAGE }));
    assertEquals(printableLines(text), text);
    const { services } = read(text);
    const check = services["observer-check"];
    assertEquals(
      check?.entrypoint.map(interpolated),
      ["brainjar", ...checkedWith(word, "observer", 5400 * MB)],
    );
    const [volume] = check?.volumes ?? [];
    assertEquals(volume?.source, volume?.target);
    assertEquals(interpolated(volume?.source ?? ""), `/models/${word}`.replace(/\/[^/]*$/, ""));
  }));
});

/** As Compose does it: `$NAME` and `${NAME}` are variables, `$$` is a dollar. */
function interpolated(text: string): string {
  return text.replace(/\$(\$|\{[^}]*\}|\w+)?/g, (_, what) => what === "$" ? "$" : "(a variable)");
}

Deno.test("compose: names that are taken, and no image", () => {
  const jars = ["a", "a-check"].map((id) => jobJar(id));
  const refused = [["job-name-taken", { ...MORE, jars }], ["image-needed", MATRIX]] as const;
  for (const [code, job] of refused) {
    assertEquals(assertThrows(() => composeFiles(job), BrainjarError).code, code);
  }
});

const isThere = await new Deno.Command("docker-compose", { args: ["version"] }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: `compose: docker-compose reads it${
    isThere ? "" : " (skipped: docker-compose is not installed)"
  }`,
  ignore: !isThere,
  fn: async () => {
    const path = await Deno.makeTempFile({ suffix: ".yaml" });
    try {
      for (const job of [jobWith("it's $HOME %t `a`: #b", { ...MATRIX, ...IMAGE }), MORE]) {
        await Deno.writeTextFile(path, textOf(job));
        const { code, stdout, stderr } = await new Deno.Command("docker-compose", {
          args: ["--file", path, "--profile", "jars", "config"],
        }).output();
        assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
        const { services } = read(new TextDecoder().decode(stdout));
        assertEquals(Object.keys(services).length, 2 * job.jars.length);
      }
    } finally {
      await Deno.remove(path);
    }
  },
});
