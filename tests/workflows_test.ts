import { assert, assertEquals } from "@std/assert";

// What CI and a release run is what the README and .ci/run run.

const root = new URL("..", import.meta.url);

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, root));
}

const workflows: string[] = [];
for await (const { name } of Deno.readDir(new URL(".github/workflows/", root))) {
  workflows.push(`.github/workflows/${name}`);
}

Deno.test("workflows: one Deno everywhere, and it comes from npm", async () => {
  const versionsIn = (text: string) => [...text.matchAll(/\bdeno@([\d.]+)/g)].map(([, one]) => one);
  const [expected] = versionsIn(await read(".ci/run"));
  assert(expected !== undefined && workflows.length >= 2);
  for (const path of [...workflows, ".ci/run", "README.md"]) {
    for (const version of versionsIn(await read(path))) assertEquals(version, expected, path);
  }
});

Deno.test("workflows: every task they run is one of deno.json's", async () => {
  const { tasks } = JSON.parse(await read("deno.json")) as { tasks: Record<string, unknown> };
  for (const path of workflows) {
    for (const [, task] of (await read(path)).matchAll(/deno@[\d.]+ task ([\w:-]+)/g)) {
      assert(task !== undefined && Object.hasOwn(tasks, task), `${path}: ${task}`);
    }
  }
});

Deno.test("workflows: they name no registry's host, and take no write access they don't need", async () => {
  for (const path of workflows) {
    const text = await read(path);
    assertEquals(/registry\.|npmjs|jsr\.io|deno\.(com|land)/.exec(text), null, path);
    assert(/^permissions:\n {2}contents: read$/m.test(text), path);
  }
});
