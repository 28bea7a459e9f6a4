import type { DeviceBytes } from "../../footprint/footprint.ts";
import { openedBytes } from "../../footprint/device_runtime.ts";
import type { Device } from "../../llama_cpp/options.ts";

/**
 * How full devices are while jars are planned one after another. llama.cpp shares a model's layers
 * among several devices by what is free on each when it is loaded, so a later model finds them as
 * those before it left them, and jars that share a load find what its first jar found.
 */
export class DeviceFilling {
  readonly #free: Map<string, number>;
  readonly #found = new Map<string, readonly Device[]>();

  /** @param devices as they are before anything is loaded */
  constructor(readonly devices: readonly Device[]) {
    this.#free = new Map(devices.map(({ id, freeBytes }) => [id, freeBytes]));
  }

  /** The devices as a model finds them when it is loaded next, or found them when it was. */
  seenBy(model: string): readonly Device[] {
    return this.#found.get(model) ?? this.seenByNext();
  }

  /**
   * The devices as the next load finds them. What the process holds when the engine is open is gone by
   * then; what thinking takes isn't, since all jars are made before the first thought.
   */
  seenByNext(): readonly Device[] {
    return this.devices.map((device) => {
      const free = (this.#free.get(device.id) ?? 0) - openedBytes(device);
      return { ...device, freeBytes: Math.max(0, free) };
    });
  }

  /** A jar that was planned takes its bytes: of a model that is there already, its context's alone. */
  add(model: string, seen: readonly Device[], bytes: readonly DeviceBytes[]): void {
    const isShared = this.#found.has(model);
    for (const { id, weights, kvCache, recurrentState, compute } of bytes) {
      const taken = kvCache + recurrentState + compute + (isShared ? 0 : weights);
      this.#free.set(id, (this.#free.get(id) ?? 0) - taken);
    }
    this.#found.set(model, seen);
  }
}
