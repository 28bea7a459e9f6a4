import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { GgufHeader, MetadataType, MetadataValue } from "../../../src/gguf/header.ts";
import { loadRefusal } from "../../../src/llama_cpp/models/check_loads.ts";
import { plannedModels } from "../graph/models.ts";
import { array, modelOf, tensor } from "../sample_header.ts";

const MODELS = new Map((await plannedModels()).map(({ name, header }) => [name, header]));

export type Change = (header: GgufHeader) => GgufHeader;

/** With other values for keys, named without their architecture. */
export function keys(values: Record<string, [MetadataType, MetadataValue]>): Change {
  return (header) => {
    const metadata = new Map(header.metadata);
    const metadataTypes = new Map(header.metadataTypes);
    const architecture = header.metadata.get("general.architecture");
    for (const [name, [type, value]] of Object.entries(values)) {
      metadata.set(`${architecture}.${name}`, value);
      metadataTypes.set(`${architecture}.${name}`, type);
    }
    return { ...header, metadata, metadataTypes };
  };
}

export function without(key: string): Change {
  return (header) => {
    const left = <V>(map: ReadonlyMap<string, V>) =>
      new Map([...map].filter(([name]) => !name.endsWith(`.${key}`)));
    return {
      ...header,
      metadata: left(header.metadata),
      metadataTypes: left(header.metadataTypes),
    };
  };
}

export function drop(names: RegExp): Change {
  return (header) => {
    const tensors = header.tensors.filter(({ name }) => !names.test(name));
    assert(tensors.length < header.tensors.length, `no tensor is like ${names}`);
    return { ...header, tensors };
  };
}

export function add(...tensors: [string, ...number[]][]): Change {
  return (header) => {
    const added = tensors.map(([name, ...shape]) => tensor(name, 0, ...shape));
    const all = [...header.tensors, ...added];
    assert(new Set(all.map(({ name }) => name)).size === all.length, "a tensor is there twice");
    return { ...header, tensors: all };
  };
}

/** Queries, keys and values of each layer in one matrix. */
export const fuse: Change = (header) => {
  const apart = /^blk\.(\d+)\.attn_[qkv]\./;
  const rows = new Map<string, number>();
  for (const { name, dimensions: [, size] } of header.tensors) {
    const layer = apart.exec(name)?.[1];
    if (layer === undefined || size === undefined) continue;
    rows.set(layer, (rows.get(layer) ?? 0) + size);
  }
  const width = header.tensors.find(({ name }) => apart.test(name))?.dimensions[0];
  const fused = [...rows].map(([layer, size]): [string, ...number[]] => {
    return [`blk.${layer}.attn_qkv.weight`, width ?? 0, size];
  });
  return add(...fused)(drop(apart)(header));
};

export const whole = (value: number): [MetadataType, MetadataValue] => ["uint32", value];
export const list = (
  ...values: number[]
): [MetadataType, MetadataValue] => ["array", array(values)];

/** A model of truth, what is changed in it, and words of the refusal where llama.cpp doesn't load it. */
export type Variant = [name: string, changes: readonly Change[], words?: string];

/** Each is answered as llama.cpp answers it. */
export function assertAnswers(variants: readonly Variant[]): void {
  for (const [name, changes, words] of variants) {
    const model = MODELS.get(name);
    if (model === undefined) throw new Error(`truth has no model ${name}`);
    const said = loadRefusal(modelOf(changes.reduce((header, change) => change(header), model)));
    if (words === undefined) assertEquals(said, undefined, name);
    else assertStringIncludes(said ?? `${name} loads`, words, name);
  }
}
