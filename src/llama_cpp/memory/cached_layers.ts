import type { Hyperparameters } from "../hyperparameters/hyperparameters.ts";

function layersWhere(count: number, holds: (layer: number) => boolean): number[] {
  return Array.from({ length: count }, (_, layer) => layer).filter(holds);
}

/** Layers that own keys and values (`create_memory`'s filters, `has_kv`), in order. */
export function keyValueLayers(shape: Hyperparameters): readonly number[] {
  const { rules, layerCount, allLayerCount } = shape;
  if (rules.memory === "none" || rules.memory === "recurrent") return [];
  const stateless = (layer: number) => shape.recurrentLayers[layer] !== true;
  return layersWhere(Math.min(allLayerCount, shape.cachedLayerCount), (layer) => {
    if (rules.predictionLayersUncached && layer >= layerCount) return false;
    if (rules.memory !== "hybrid" || rules.cachedLayers === "every") return true;
    if (rules.cachedLayers === "text") return layer < layerCount && stateless(layer);
    if (rules.cachedLayers === "no-feed-forward") {
      return stateless(layer) && shape.feedForwardLengths[layer] === 0;
    }
    return stateless(layer);
  });
}

/** Layers that own a recurrent state, in order. */
export function stateLayers(shape: Hyperparameters): readonly number[] {
  const { rules } = shape;
  if (rules.memory !== "recurrent" && rules.memory !== "hybrid") return [];
  return layersWhere(shape.layerCount, (layer) => shape.recurrentLayers[layer] === true);
}

/** Layers that keep keys for an indexer, in order. */
export function indexerLayers(shape: Hyperparameters): readonly number[] {
  const rule = shape.rules.indexerLayers;
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
