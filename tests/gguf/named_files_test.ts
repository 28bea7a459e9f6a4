import { assertEquals, assertMatch } from "@std/assert";
import { readHeader } from "../../src/gguf/read.ts";
import { meantName } from "../../src/gguf/other_files/not_found.ts";
import { shownUrl } from "../../src/gguf/sources/url.ts";
import { shellWord } from "../../src/gguf/other_files/shell_word.ts";
import { buildHeader, text } from "./build_header.ts";
import { assertFault } from "./read_bytes.ts";
import { buildPart, partName } from "./split_models.ts";

const MODEL = buildHeader({
  metadata: [text("general.architecture", "llama")],
  tensors: [{ name: "a", dimensions: [4096] }],
}).bytes;

async function inFolder(test: (folder: string) => Promise<unknown>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "brainjar-named-" }));
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const UNFINISHED = [
  ...[
    "m.gguf.part",
    "m.gguf.crdownload",
    "m.gguf.partial",
    "m.gguf.!qB",
    "m.gguf.downloadInProgress",
  ],
  ...["4d7a.incomplete", "sha256-abc-partial", "sha256-abc-partial-0", "m.gguf.download"],
];

for (const name of UNFINISHED) {
  Deno.test(`a download that hasn't ended is called that, as long as it may be: ${name}`, () =>
    inFolder(async (folder) => {
      for (const bytes of [MODEL, MODEL.slice(0, 1000)]) {
        await Deno.writeFile(`${folder}/${name}`, bytes);
        const error = await assertFault(
          () => readHeader(`${folder}/${name}`),
          "gguf-unfinished",
          `${folder}/${name} is a download that hasn't ended`,
        );
        assertMatch(error.hint ?? "", /take "\S+" off the file's name$/);
      }
    }));
}

Deno.test("a file that aria2 still writes is a download that hasn't ended; so is its note", () =>
  inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/m.gguf`, MODEL);
    assertEquals((await readHeader(`${folder}/m.gguf`)).tensors.length, 1);
    await Deno.writeFile(`${folder}/m.gguf.aria2`, new Uint8Array(9));
    const error = await assertFault(() => readHeader(`${folder}/m.gguf`), "gguf-unfinished");
    assertMatch(error.hint ?? "", /m\.gguf\.aria2 goes away once the file is whole$/);
    await assertFault(
      () => readHeader(`${folder}/m.gguf.aria2`),
      "gguf-unfinished",
      "aria2's note",
    );
  }));

Deno.test("a part of a split model that aria2 still writes keeps all of it from being read", () =>
  inFolder(async (folder) => {
    for (const part of [0, 1]) {
      await Deno.writeFile(`${folder}/${partName(part, 2)}`, buildPart(part, 2));
    }
    await Deno.writeFile(`${folder}/${partName(1, 2)}.aria2`, new Uint8Array(9));
    await assertFault(
      () => readHeader(`${folder}/${partName(0, 2)}`),
      "gguf-unfinished",
      partName(1, 2),
    );
  }));

Deno.test("a part of a split model that is cut off is no piece cut by bytes", () =>
  inFolder(async (folder) => {
    const first = buildPart(0, 2);
    await Deno.writeFile(`${folder}/${partName(0, 2)}`, first.slice(0, first.length - 8));
    await Deno.writeFile(`${folder}/${partName(1, 2)}`, buildPart(1, 2));
    await assertFault(() => readHeader(`${folder}/${partName(0, 2)}`), "gguf-truncated");
  }));

Deno.test("links: a split model's parts are found by the names of links, or of what they lead to", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/blobs`);
    await Deno.mkdir(`${folder}/names`);
    for (const part of [0, 1]) {
      await Deno.writeFile(`${folder}/blobs/hash${part}`, buildPart(part, 2));
      await Deno.symlink(`../blobs/hash${part}`, `${folder}/names/${partName(part, 2)}`);
    }
    const names = [0, 1].map((part) => `${folder}/names/${partName(part, 2)}`);
    await Deno.symlink(`names/${partName(1, 2)}`, `${folder}/model.gguf`);
    await Deno.symlink(`${folder}/model.gguf`, `${folder}/again.gguf`);
    for (const path of [...names, `${folder}/model.gguf`, `${folder}/again.gguf`]) {
      assertEquals((await readHeader(path)).parts.map(({ path }) => path), names);
    }
    const error = await assertFault(() => readHeader(`${folder}/blobs/hash0`), "gguf-split-name");
    assertMatch(error.hint ?? "", /snapshots/);
  }));

Deno.test("a link that leads nowhere is told from a path that isn't there", () =>
  inFolder(async (folder) => {
    await Deno.symlink("../blobs/gone", `${folder}/m.gguf`);
    const error = await assertFault(() => readHeader(`${folder}/m.gguf`), "model-not-found");
    assertMatch(error.hint ?? "", /^It is a link to \.\.\/blobs\/gone, which isn't there/);
    const missing = await assertFault(() => readHeader(`${folder}/n.gguf`), "model-not-found");
    assertEquals(missing.hint, "Check the path of the model");
  }));

const FOLDERS: readonly [name: string, files: string[], says: RegExp][] = [
  [
    "one model and its projector",
    ["m.gguf", "mmproj-m.gguf"],
    /^Give the file in it: \S+\/m\.gguf$/,
  ],
  ["two models", ["b.gguf", "a.gguf"], /^Give one of the files in it: a\.gguf, b\.gguf$/],
  ["safetensors", ["model.safetensors", "config.json"], /convert_hf_to_gguf\.py \S+/],
  ["an adapter", ["adapter_config.json", "adapter_model.safetensors"], /LoRA adapter/],
  ["nothing", [], /there is none in it/],
];

for (const [name, files, says] of FOLDERS) {
  Deno.test(`a folder is answered with what is in it: ${name}`, () =>
    inFolder(async (folder) => {
      for (const file of files) await Deno.writeTextFile(`${folder}/${file}`, "");
      const error = await assertFault(() => readHeader(folder), "gguf-directory");
      assertMatch(error.hint ?? "", says);
    }));
}

const MEANT: readonly [name: string, meant: string | undefined][] = [
  ["llama3.2:1b", "ollama:llama3.2:1b"],
  ["llama3", "ollama:llama3"],
  ["org/repo-GGUF", "hf:org/repo-GGUF"],
  ["org/repo-GGUF:Q4_K_M", "hf:org/repo-GGUF:Q4_K_M"],
  ["https:/x", undefined],
  ["hf.co/org/repo:Q8_0", "hf:org/repo:Q8_0"],
  [
    "www.huggingface.co/org/repo/resolve/main/m.gguf",
    "https://huggingface.co/org/repo/resolve/main/m.gguf",
  ],
  ["ollama.com/library/llama3.2:1b", "ollama:llama3.2:1b"],
  ["m.gguf", undefined],
  ["models/m.gguf", undefined],
  ["./llama3", undefined],
  ["/models/llama3", undefined],
  ["../llama3", undefined],
  ["~me/llama3", undefined],
  ["a/b/c", undefined],
  ["C:\\models\\llama3", undefined],
  ["", undefined],
];

Deno.test("what isn't a path may be a name: which one was meant", () => {
  for (const [name, meant] of MEANT) assertEquals([name, meantName(name)], [name, meant]);
});

Deno.test("a path is one word of a shell, whatever is in it", async () => {
  for (const path of ["a/m.gguf", "my m.gguf", "it's.gguf", '$(x) `y` "z" \\ *.gguf', "a\nb"]) {
    const args = ["-c", `printf %s ${shellWord(path)}`];
    const { stdout } = await new Deno.Command("sh", { args }).output();
    assertEquals(new TextDecoder().decode(stdout), path);
  }
});

Deno.test("what isn't a server's address is shown as it was given", () => {
  for (const given of ["ollama:llama3.2:1b", "hf:org/repo", "C:\\m.gguf", "m.gguf?", "https://["]) {
    assertEquals(shownUrl(given), given);
  }
  assertEquals(shownUrl("HTTPS://me:secret@Host/m.gguf?token=abc"), "https://host/m.gguf?…");
});
