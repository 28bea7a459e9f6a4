import { type BufferType, RAM_BUFFER } from "../buffer_type.ts";
import { spannedBytes } from "../layout.ts";
import { F32, type Tensor } from "../tensor.ts";
import type { Backend } from "./backend.ts";

/** What the CPU can't compute (ggml-cpu.cpp, `ggml_backend_cpu_device_supports_op`) is little. */
function supports({ op, sources: [a, b] }: Tensor): boolean {
  if (op !== "MUL_MAT" || a === undefined || b === undefined) return true;
  // The other operand is turned into what the weights are multiplied with.
  return b.type === F32 || b.type === a.type;
}

/**
 * ggml-cpu.
 *
 * @param buffer RAM that it computes in: beside devices what the first of them has pinned
 */
export function cpuBackend(buffer: BufferType = RAM_BUFFER): Backend {
  return {
    buffer,
    hostBuffer: undefined,
    readsHostBuffer: true,
    refusesForeign: false,
    overlaps: false,
    supports,
    takes: () => false,
    bytesOf: spannedBytes,
    arrange: (nodes) => nodes,
  };
}
