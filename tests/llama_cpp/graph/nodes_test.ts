import { assertEquals } from "@std/assert";
import { absoluteNodes, nodeFile, type NodeRow } from "../../../fixtures/truth/nodes.ts";
import { MissingWeight } from "../../../src/llama_cpp/graph/builder.ts";
import { buildGraph } from "../../../src/llama_cpp/graph/planned_graph.ts";
import { EVERY_LAYER } from "../../../src/llama_cpp/graph/layers.ts";
import { Model } from "../../../src/llama_cpp/graph/model.ts";
import { planBatch } from "../../../src/llama_cpp/graph/planned_batch.ts";
import type { Graph } from "../../../src/llama_cpp/ggml/graph.ts";
import type { Tensor } from "../../../src/llama_cpp/ggml/tensor.ts";
import { ggmlType } from "../../../src/llama_cpp/ggml/types.ts";
import type { FootprintOptions } from "../../../src/llama_cpp/options.ts";
import { modelOf } from "../sample_header.ts";
import { type PlannedModel, plannedModels } from "./models.ts";
import { toContextSetting } from "../../../fixtures/truth/figures.ts";

/** A graph as texts, as fixtures/truth/nodes.ts has it. */
interface DescribedGraph {
  readonly leafs: readonly string[];
  readonly nodes: readonly string[];
}

/** A row with the leafs that it reads by what they are. */
function recorded(row: NodeRow): DescribedGraph {
  const { leafs } = row;
  const nodes = absoluteNodes(row).map((node) =>
    node.replaceAll(/\bL(\d+)\b/g, (_, index) => `[${leafs[Number(index)]}]`)
  );
  return { leafs, nodes };
}

function describeShape({ shape }: Tensor): string {
  return shape.join(",").replace(/(,1)+$/, "");
}

/** A leaf as the fixture has it; without a device a tied output is the embedding itself. */
function describeLeaf(leaf: Tensor, model: Model): string {
  const { weightName, isExternal, isInput, layer } = leaf;
  if (weightName === "output.weight" && model.find(weightName) === undefined) {
    return "token_embd.weight";
  }
  if (weightName !== undefined) return weightName;
  const layout = `${ggmlType(leaf.type).name} ${describeShape(leaf)}`;
  if (isExternal) return `memory ${layout} of layer ${layer}`;
  return `${isInput ? "input" : "constant"} ${layout}`;
}

function describe({ leafs, nodes }: Graph, model: Model): DescribedGraph {
  const names = new Map<Tensor, string>();
  for (const leaf of leafs) names.set(leaf, `[${describeLeaf(leaf, model)}]`);
  for (const [index, node] of nodes.entries()) names.set(node, `N${index}`);
  const described = nodes.map((node) => {
    const sources = node.sources.map((source) => names.get(source));
    // ggml_cast's result is its own second operand.
    if (node.op === "CPY" && node.root === undefined) sources.push(names.get(node));
    return [
      node.variant === undefined ? node.op : `${node.op}:${node.variant}`,
      ggmlType(node.type).name,
      describeShape(node),
      [node.s0, node.s1, node.s2, node.s3].join(","),
      sources.join(",") || "-",
      node.root === undefined ? "-" : names.get(node.root),
      ...node.isOutput ? ["output"] : [],
      ...node.layer < 0 ? [] : [`layer ${node.layer}`],
    ].join(" ");
  });
  const seen = leafs.map((leaf) => describeLeaf(leaf, model));
  const isFirst = (text: string, index: number) =>
    /^(input|constant|memory) /.test(text) || seen.indexOf(text) === index;
  return { leafs: seen.filter(isFirst), nodes: described };
}

/** Where two lists part, with what goes before; nothing where they are the same. */
function firstDifference(ours: readonly string[], theirs: readonly string[]): string | undefined {
  const length = Math.max(ours.length, theirs.length);
  for (let index = 0; index < length; index++) {
    if (ours[index] === theirs[index]) continue;
    return [
      ...theirs.slice(Math.max(0, index - 3), index).map((line) => `        ${line}`),
      `    ${index}:`,
      ...theirs.slice(index, index + 3).map((line) => `  llama.cpp ${line}`),
      ...ours.slice(index, index + 3).map((line) => `  ours      ${line}`),
    ].join("\n");
  }
}

function graphOf(
  { name, header }: PlannedModel,
  setting: NodeRow["setting"],
): DescribedGraph {
  const { shape, build } = modelOf(header);
  if (build === undefined) throw new TypeError(`${name} has no builder`);
  const options: FootprintOptions = { ...toContextSetting(setting), mmap: true };
  const model = new Model(shape, header);
  const graph = buildGraph(build, model, planBatch(shape, options), { attempt: EVERY_LAYER });
  if (graph instanceof MissingWeight) throw graph;
  return describe(graph, model);
}

Deno.test("every graph has llama.cpp's own nodes, in its order", async () => {
  const rows = Map.groupBy(await nodeFile.read(), ({ name }) => name);
  const wrong: string[] = [];
  for (const model of await plannedModels()) {
    for (const row of rows.get(model.name) ?? []) {
      const ours = graphOf(model, row.setting);
      const theirs = recorded(row);
      const difference = firstDifference(ours.nodes, theirs.nodes) ??
        firstDifference(ours.leafs, theirs.leafs);
      if (difference !== undefined) wrong.push(`${model.name} ${row.setting}\n${difference}`);
    }
  }
  assertEquals(wrong.join("\n"), "");
});
