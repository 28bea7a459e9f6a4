import {
  attention,
  embedding,
  gatedFeedForward,
  headNorms,
  type Loads,
  norm,
  outputOrTied,
  rmsNorms,
} from "./blocks.ts";
import { demandHeads, demandRotation } from "./graph_demands.ts";
import type { LayerLoader } from "./loader.ts";

/** Asks for the weights of one layer. */
export type LoadsLayer = (layer: LayerLoader) => void;

/** Attention and a gated feed-forward, each behind its norm. */
export function plainLayer(layer: LayerLoader): void {
  attention(layer);
  norm(layer, "ffn_norm");
  gatedFeedForward(layer);
}

/** The same with a norm of each head's queries and one of its keys. */
export function normedLayer(layer: LayerLoader): void {
  plainLayer(layer);
  headNorms(layer);
}

/** What an architecture's keys and weights differ in from the plain ones. */
interface Parts {
  /** The keys of its norms, what RMS norms need unless said. */
  readonly norms?: Loads;
  /** How much of a head is rotated, all of it unless said. */
  readonly rotation?: "whole" | "part" | "none";
  /** Its heads together are as wide as the stream, whatever the header says of their length. */
  readonly square?: boolean;
  /** Further keys, what its graph demands of them, and weights outside its layers. */
  readonly more?: Loads;
  /** The embedding of tokens, which a file must have unless said. */
  readonly tokens?: Loads;
  /** `outputOrTied` unless said. */
  readonly output?: Loads;
  /** `plainLayer` unless said. */
  readonly layer?: LoadsLayer;
}

/** What most architectures ask for: an embedding, layers that are all alike, and an output. */
export function loadsTransformer(parts: Parts = {}): Loads {
  const { norms = rmsNorms, rotation = "whole", square = false, more, output = outputOrTied } =
    parts;
  const { tokens = embedding, layer: loadsLayer = plainLayer } = parts;
  return (l) => {
    norms(l);
    demandHeads(l, { rope: rotation === "whole", square });
    if (rotation !== "none") demandRotation(l);
    more?.(l);
    tokens(l);
    output(l);
    for (const layer of l.layers()) loadsLayer(layer);
  };
}
