import { assertEquals } from "@std/assert";
import { graphFile, loadFile } from "../../../fixtures/truth/files.ts";
import { mutations, writeHeader } from "../../../fixtures/truth/loads.ts";
import { temporaryFolder } from "../../../fixtures/temporary_folder.ts";
import { BrainjarError } from "../../../src/budget/error.ts";
import { readHeader } from "../../../src/gguf/read.ts";
import { checkLoads } from "../../../src/llama_cpp/models/check_loads.ts";
import { findArchitecture, readModel } from "../../../src/llama_cpp/models/families.ts";

/** Why a file is refused, or nothing. */
async function refusal(path: string): Promise<string | undefined> {
  try {
    checkLoads(await readModel(await readHeader(path)));
    return undefined;
  } catch (error) {
    if (error instanceof BrainjarError) return error.message;
    throw error;
  }
}

Deno.test("llama.cpp's answers are those of the changes that are made", async () => {
  const answers = Map.groupBy(await loadFile.read(), ({ model }) => model);
  const graphs = await graphFile.read();
  assertEquals([...answers.keys()], graphs.map(({ name }) => name));
  for (const model of graphs) {
    const changes = [...mutations(model)].map(({ change }) => change);
    assertEquals(answers.get(model.name)?.map(({ change }) => change), changes);
  }
});

Deno.test("what llama.cpp refuses to load is refused, and nothing else", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/model.gguf`;
  const answers = Map.groupBy(await loadFile.read(), ({ model }) => model);
  const wrong: string[] = [];
  for (const model of await graphFile.read()) {
    const name = model.metadata.find(({ key }) => key === "general.architecture");
    const architecture = name?.type === "string" ? String(name.value) : "";
    // The others make no text, and are refused for that.
    const { purpose, cannotRun } = await findArchitecture(architecture) ?? {};
    if (purpose !== "text" || cannotRun !== undefined) continue;
    for (const [index, mutated] of [...mutations(model)].entries()) {
      writeHeader(path, mutated);
      const said = await refusal(path);
      const loads = answers.get(model.name)?.[index]?.loads;
      if (loads === (said === undefined)) continue;
      const answer = `llama.cpp ${loads ? "loads" : "refuses"} it, brainjar says: ${said}`;
      wrong.push(`${model.name}, ${mutated.change}: ${answer}`);
    }
  }
  assertEquals(wrong, []);
});
