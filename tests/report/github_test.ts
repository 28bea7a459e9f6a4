import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { annotationLine, githubAnnotations, githubError } from "../../src/report/ci/github.ts";
import { printable } from "../../src/report/printable.ts";
import { assertGolden } from "../golden.ts";
import { FAILED, HOSTILE, OVER_LIMIT, PASSED } from "./ci_cases.ts";

Deno.test("github: a verdict that fails says which jars, and what to change", async () => {
  await assertGolden("check-github-failed", githubAnnotations(FAILED));
});

Deno.test("github: a verdict that passes annotates nothing", async () => {
  const text = githubAnnotations(PASSED);
  assert(!text.includes("::error"), text);
  await assertGolden("check-github-passed", text);
});

Deno.test("github: names from outside start no command of their own", async () => {
  const text = githubAnnotations(HOSTILE);
  for (const line of text.split("\n")) {
    assert(/^::(error|warning) title=[^:,]*::|^brainjar: /.test(line), line);
  }
  await assertGolden("check-github-hostile", text);
});

Deno.test("github: what is wrong with one jar names that jar", () => {
  const titles = githubAnnotations(OVER_LIMIT).split("\n").flatMap((line) =>
    /^::error title=([^:]*)::/.exec(line)?.slice(1) ?? []
  );
  assertEquals(titles, [
    "brainjar%3A subject does not fit (over-limit)",
    "brainjar%3A god does not fit (load-refused)",
  ]);
});

Deno.test("github: what could not be checked is an error too", () => {
  assertEquals(
    githubError({ message: 'Flag "--mode" can\'t be "a\nb"', hint: undefined }),
    '::error title=brainjar%3A not checked::Flag "--mode" can\'t be "a\\u{a}b"',
  );
});

/** As GitHub's runner undoes it (ActionCommand.cs), in its order. */
function unescape(text: string, property: boolean): string {
  const plain = property ? text.replaceAll("%3A", ":").replaceAll("%2C", ",") : text;
  return plain.replaceAll("%0A", "\n").replaceAll("%25", "%");
}

Deno.test("github: what is escaped is read back as it was", () => {
  const text = fc.string({ unit: fc.constantFrom("%", "2", "5", "\r", "\n", ":", ",", "a", "::") });
  fc.assert(
    fc.property(text, fc.array(text), (title, lines) => {
      const line = annotationLine({ level: "error", title, lines });
      assert(!/[\r\n]/.test(line));
      const match = /^::error title=([^:,]*)::(.*)$/.exec(line);
      assert(match !== null, line);
      assertEquals(unescape(match?.[1] ?? "", true), printable(title));
      assertEquals(unescape(match?.[2] ?? "", false), lines.map(printable).join("\n"));
    }),
    { seed: 5, numRuns: 500 },
  );
});
