import type { Backend } from "../backends/backend.ts";
import type { Tensor } from "../tensor.ts";
import type { Home } from "../home.ts";

/** All that computes a graph (ggml-backend.cpp, `ggml_backend_sched`), the CPU last. */
export class Machine {
  /** The CPU, to which everything falls that nobody else computes. */
  readonly cpu: number;

  constructor(readonly backends: readonly Backend[]) {
    this.cpu = backends.length - 1;
  }

  /** Whether a backend computes with what lies there, without a copy. */
  reads(backend: number, home: Home): boolean {
    if (home.backend === backend) return true;
    return home.isPinned && this.backends[backend]?.readsHostBuffer === true;
  }

  /** The same with the results of another backend: the CPU's are pinned where a device has such RAM. */
  readsResultsOf(backend: number, other: number): boolean {
    if (backend === other) return true;
    return other === this.cpu && this.backends[0]?.hostBuffer !== undefined &&
      this.backends[backend]?.readsHostBuffer === true;
  }

  /** Whether a backend computes this. */
  supports(backend: number, tensor: Tensor): boolean {
    if (this.backends[backend]?.refusesForeign === true) {
      const { sources } = tensor;
      for (let index = 0; index < sources.length; index++) {
        const home = sources[index]?.home;
        if (home !== undefined && home.backend !== backend && home.backend !== this.cpu) {
          return false;
        }
      }
    }
    return this.backends[backend]?.supports(tensor) ?? false;
  }
}
