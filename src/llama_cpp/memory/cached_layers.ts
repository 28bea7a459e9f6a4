import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";

function layersWhere(count: number, holds: (layer: number) => boolean): number[] {
  return Array.from({ length: count }, (_, layer) => layer).filter(holds);
}

/** Layers that own keys and values (`create_memory`'s filters, `has_kv`), in order. */
export function keyValueLayers(shape: Hyperparameters): readonly number[] {
  const { layout, layerCount, allLayerCount } = shape;
  if (layout.memory === "none" || layout.memory === "recurrent") return [];
  const stateless = (layer: number) => shape.recurrentLayers[layer] !== true;
  return layersWhere(Math.min(allLayerCount, shape.cachedLayerCount), (layer) => {
    if (layout.predictionLayersUncached && layer >= layerCount) return false;
    if (layout.memory !== "hybrid" || layout.cachedLayers === "every") return true;
    if (layout.cachedLayers === "text") return layer < layerCount && stateless(layer);
    if (layout.cachedLayers === "no-feed-forward") {
      return stateless(layer) && shape.feedForwardLengths[layer] === 0;
    }
    return stateless(layer);
  });
}

/** Layers that own a recurrent state, in order. */
export function stateLayers(shape: Hyperparameters): readonly number[] {
  const { layout } = shape;
  if (layout.memory !== "recurrent" && layout.memory !== "hybrid") return [];
  return layersWhere(shape.layerCount, (layer) => shape.recurrentLayers[layer] === true);
}

/** Layers that keep keys for an indexer, in order. */
export function indexerLayers(shape: Hyperparameters): readonly number[] {
  const rule = shape.layout.indexerLayers;
  if (rule === undefined) return [];
  if (rule === "after-dense") {
    return layersWhere(
      shape.allLayerCount,
      (layer) => layer >= shape.experts.leadingDenseLayerCount,
    );
  }
  return layersWhere(shape.layerCount, (layer) => {
    if (rule === "full") return shape.indexer.fullLayers[layer] === true;
    if (rule === "cached") {
      return shape.indexer.keyLength > 0 && shape.recurrentLayers[layer] !== true;
    }
    return true;
  });
}
