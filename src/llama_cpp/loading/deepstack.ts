import { LARGEST_LAYER_COUNT } from "../hyperparameters/layer_sizes.ts";
import type { Loader } from "./loader.ts";

/** `deepstack_mapping`, where the header has one: which image's embedding each layer gets, or none. */
export function mayDeepstack(l: Loader): void {
  l.mayArray("deepstack_mapping");
  const mapping = l.value("deepstack_mapping");
  const indices = typeof mapping === "object" ? mapping.values ?? [] : [];
  const count = l.hyperparameters.deepstackLayerCount;
  l.demand(
    indices.length <= LARGEST_LAYER_COUNT,
    `it has images for ${indices.length} layers, and ${LARGEST_LAYER_COUNT} are the most`,
  );
  const beyond = indices.find((index) => Number(index) > count);
  l.demand(beyond === undefined, `a layer wants image ${beyond}, and each has ${count}`);
}
