import { assertEquals, assertRejects } from "@std/assert";
import { tellSlowServers } from "../../src/cli/terminal/slow_servers.ts";
import { openHost } from "../../src/plan/host.ts";
import { demoBrainPath } from "../../src/plan/model_path.ts";
import { record } from "./record.ts";

const URL_OF_MODEL = "https://host.example/m.gguf?token=secret";
const LINE = "Reading https://host.example/m.gguf?…; it is given up after 60 s in all\n";

/** What is said while a model is read that takes so long, at a terminal or not. */
async function saidOf(
  given: string,
  { takes, interactive = true }: { readonly takes: number; readonly interactive?: boolean },
): Promise<string> {
  const { output, said } = record();
  await using host = openHost();
  const model = host.readModel(demoBrainPath());
  const slow = {
    ...host,
    readModel: async () => {
      await new Promise((resolve) => setTimeout(resolve, takes));
      return await model;
    },
  };
  const told = tellSlowServers(slow, { ...output, interactive }, 20);
  assertEquals(await told.readModel(given), await model);
  return said();
}

Deno.test("slow servers: who waits at a terminal is told for what, without its secrets", async () => {
  assertEquals(await saidOf(URL_OF_MODEL, { takes: 100 }), LINE);
  assertEquals(await saidOf(URL_OF_MODEL, { takes: 100, interactive: false }), "");
  assertEquals(await saidOf(URL_OF_MODEL, { takes: 0 }), "");
  assertEquals(await saidOf("m.gguf", { takes: 100 }), "");
});

Deno.test("slow servers: nothing is said after one has failed", async () => {
  const { output, said } = record();
  await using host = openHost();
  const failing = { ...host, readRunnable: () => Promise.reject(new Error("gone")) };
  const told = tellSlowServers(failing, { ...output, interactive: true }, 20);
  await assertRejects(() => told.readRunnable(URL_OF_MODEL), Error, "gone");
  await new Promise((resolve) => setTimeout(resolve, 60));
  assertEquals(said(), "");
});
