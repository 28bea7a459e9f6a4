import { assert, assertEquals, assertMatch } from "@std/assert";
import { graphFile, type GraphModel } from "../../../fixtures/truth/files.ts";
import { writeHeader } from "../../../fixtures/truth/loads.ts";
import { temporaryFolder } from "../../../fixtures/temporary_folder.ts";
import { BrainjarError } from "../../../src/budget/error.ts";
import type { GgufHeader } from "../../../src/gguf/header.ts";
import { readHeader } from "../../../src/gguf/read.ts";
import { checkRuns } from "../../../src/llama_cpp/models/check_runs.ts";

type Parts = Pick<GraphModel, "metadata" | "tensors">;
type Entry = Parts["metadata"][number];

/** One thing that people's files have wrong, and what is said of it. */
interface Case {
  readonly name: string;
  readonly change: (model: Parts) => Partial<Parts>;
  readonly says: RegExp;
  readonly advises: RegExp;
}

const text = (key: string, value: string): Entry => ({ key, type: "string", value });
const texts = (key: string, values: readonly string[]): Entry => ({
  key,
  type: "array",
  elementType: "string",
  values,
});

/** A whole tokenizer of as many tokens as the model's embedding has rows, but for `others`. */
function withTokenizer({ metadata, tensors }: Parts, ...others: readonly Entry[]): Partial<Parts> {
  const size = tensors.find(([name]) => name === "token_embd.weight")?.[1][1] ?? 0;
  const words = Array.from({ length: size }, (_, index) => `t${index}`);
  const whole = [
    text("tokenizer.ggml.model", "gpt2"),
    text("tokenizer.ggml.pre", "qwen2"),
    texts("tokenizer.ggml.tokens", words),
    texts("tokenizer.ggml.merges", ["t 0"]),
  ];
  const keys = new Set(others.map(({ key }) => key));
  const rest = [...metadata, ...whole].filter(({ key }, index, all) =>
    !keys.has(key) && all.findLastIndex((entry) => entry.key === key) === index
  );
  return { metadata: [...rest, ...others] };
}

const CASES: readonly Case[] = [
  {
    name: "a pre-tokenizer of tomorrow",
    change: (model) => withTokenizer(model, text("tokenizer.ggml.pre", "not-yet-known")),
    says: /its pre-tokenizer is "not-yet-known", which llama\.cpp \S+ doesn't have$/,
    advises: /^The model is newer than the engine/,
  },
  {
    name: "a tokenizer of somebody else",
    change: (model) => withTokenizer(model, text("tokenizer.ggml.model", "tiktoken")),
    says: /its tokenizer is "tiktoken", which llama\.cpp/,
    advises: /newer than the engine, or was written by another program/,
  },
  {
    name: "a token too few",
    change: (model) => withTokenizer(model, texts("tokenizer.ggml.tokens", ["a", "b"])),
    says: /tensor "token_embd\.weight" has the shape .* where \d+ × 2 belongs$/,
    advises: /convert the model again/,
  },
  {
    name: "merges of numbers",
    change: (model) =>
      withTokenizer(model, {
        key: "tokenizer.ggml.merges",
        type: "array",
        elementType: "int32",
        values: [1],
      }),
    says: /"tokenizer\.ggml\.merges" is int32 where an array of string belongs$/,
    advises: /with its tokenizer/,
  },
  {
    name: "an encoder of images in the same file",
    change: ({ tensors }) => ({ tensors: [...tensors, ["v.blk.0.attn_q.weight", [32], 0]] }),
    says: /it has tensors that its architecture doesn't have: "v\.blk\.0\.attn_q\.weight"$/,
    advises: /encoder of images or sound inside.*use the file of the text model alone$/,
  },
  {
    name: "a tensor missing",
    change: ({ tensors }) => ({
      tensors: tensors.filter(([name]) => name !== "blk.1.ffn_norm.weight"),
    }),
    says: /tensor "blk\.1\.ffn_norm\.weight" is missing$/,
    advises: /convert the model again, or use another file of it$/,
  },
  {
    name: "keys of 64 bits",
    change: ({ metadata }) => ({
      metadata: metadata.map((entry) =>
        entry.type === "uint32" ? { ...entry, type: "uint64" as const } : entry
      ),
    }),
    says: /metadata key "llama\.context_length" is of type uint64 where uint32 belongs$/,
    advises: /another converter/,
  },
  {
    name: "experts apart",
    change: ({ metadata, tensors }) => ({
      metadata: [
        ...metadata.filter(({ key }) => !/^llama\.expert_(used_)?count$/.test(key)),
        { key: "llama.expert_count", type: "uint32", value: 4 },
        { key: "llama.expert_used_count", type: "uint32", value: 2 },
      ],
      tensors: tensors.flatMap((tensor) => {
        const [name, dimensions, type] = tensor;
        if (name.endsWith("ffn_gate.weight")) {
          const router = name.replace("gate", "gate_inp");
          const apart = [0, 1, 2, 3].map((expert) =>
            [name.replace("weight", `${expert}.weight`), dimensions, type] as const
          );
          return [[router, [dimensions[0] ?? 0, 4], 0] as const, ...apart];
        }
        if (!/ffn_(up|down)\.weight$/.test(name)) return [tensor];
        return [0, 1, 2, 3].map((expert) =>
          [name.replace("weight", `${expert}.weight`), dimensions, type] as const
        );
      }),
    }),
    says: /tensor "blk\.0\.ffn_\w+_exps\.weight" is missing$/,
    advises: /^Its experts lie apart, as llama\.cpp wrote them until 2024/,
  },
  {
    name: "more layers than tensors",
    change: ({ metadata }) => ({
      metadata: metadata.map((entry) =>
        entry.key === "llama.block_count" ? { ...entry, type: "uint32" as const, value: 40 } : entry
      ),
    }),
    says: /tensor "blk\.\d+\.attn_norm\.weight" is missing$/,
    advises: /another model or of another llama\.cpp/,
  },
  {
    name: "a scaling of rope that nobody knows",
    change: ({ metadata }) => ({ metadata: [...metadata, text("llama.rope.scaling.type", "ntk")] }),
    says: /it scales rope by "ntk"/,
    advises: /convert the model again/,
  },
];

async function headerOf(model: Parts): Promise<GgufHeader> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/model.gguf`;
  writeHeader(path, model);
  return await readHeader(path);
}

async function refusal(header: GgufHeader): Promise<BrainjarError> {
  const error = await checkRuns(header).then(() => undefined, (error) => error);
  assert(error instanceof BrainjarError, "It passed");
  return error;
}

const [llama] = (await graphFile.read()).filter(({ name }) => name === "llama-dense");
if (llama === undefined) throw new Error("Truth has no llama-dense");

for (const { name, change, says, advises } of CASES) {
  Deno.test(`${name} is called what it is`, async () => {
    const error = await refusal(await headerOf({ ...llama, ...change(llama) }));
    assertEquals([error.code, error.kind], ["model-unloadable", "usage"]);
    assertMatch(error.message, says);
    assertMatch(error.hint ?? "", advises);
    assert(!/download|fetch/i.test(error.hint ?? ""), "Another download would be the same file");
  });
}

Deno.test("numbers of another byte order, and arrays in arrays, are refused", async () => {
  const header = await headerOf(llama);
  await checkRuns(header);
  const big = await refusal({ ...header, byteOrder: "big" });
  assertMatch(big.message, /its numbers are big-endian, and this machine's are little-endian$/);
  const inner = { elementType: "uint32", length: 0, bytes: 0 } as const;
  const nested = { elementType: "array", length: 1, bytes: 12, values: [inner] } as const;
  const metadata = new Map([...header.metadata, ["general.lists", nested]]);
  assertMatch((await refusal({ ...header, metadata })).message, /"general\.lists" is an array of/);
});

Deno.test("a whole tokenizer passes, with what no architecture reads beside it", async () => {
  const others = [text("llama.wkv.head_size", "none"), texts("general.tags", ["a"])];
  await checkRuns(await headerOf({ ...llama, ...withTokenizer(llama, ...others) }));
});
