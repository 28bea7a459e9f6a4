import type { DeviceBytes } from "../footprint/footprint.ts";
import type { Device } from "../llama_cpp/options.ts";

/**
 * How full devices are while jars are planned one after another. llama.cpp shares a model's layers
 * among several devices by what is free on each when it is loaded, so a later model finds them as
 * those before it left them, and jars that share a load find what its first jar found.
 */
export class DeviceFilling {
  readonly #free: Map<string, number>;
  readonly #found = new Map<string, readonly Device[]>();
  #hasProcess = false;

  /** @param devices as they are before anything is loaded */
  constructor(readonly devices: readonly Device[]) {
    this.#free = new Map(devices.map(({ id, freeBytes }) => [id, freeBytes]));
  }

  /** Whether the model's weights are counted already. */
  has(model: string): boolean {
    return this.#found.has(model);
  }

  /**
   * The devices as a model finds them when it is loaded next, or found them when it was.
   *
   * @param runtime what the process holds on each before the first model is loaded
   */
  seenBy(
    model: string,
    runtime: readonly Pick<DeviceBytes, "id" | "runtime">[],
  ): readonly Device[] {
    const found = this.#found.get(model);
    if (found !== undefined) return found;
    return this.devices.map((device) => {
      const held = runtime.find(({ id }) => id === device.id)?.runtime ?? 0;
      const free = (this.#free.get(device.id) ?? 0) - (this.#hasProcess ? 0 : held);
      return { ...device, freeBytes: Math.max(0, free) };
    });
  }

  /** A jar that was planned takes its bytes: of a model that is there already, its context's alone. */
  add(model: string, seen: readonly Device[], bytes: readonly DeviceBytes[]): void {
    const isShared = this.#found.has(model);
    for (const { id, weights, kvCache, recurrentState, compute, runtime } of bytes) {
      const own = kvCache + recurrentState + compute;
      const taken = own + (isShared ? 0 : weights) + (this.#hasProcess ? 0 : runtime);
      this.#free.set(id, (this.#free.get(id) ?? 0) - taken);
    }
    this.#hasProcess ||= bytes.length > 0;
    this.#found.set(model, seen);
  }
}
