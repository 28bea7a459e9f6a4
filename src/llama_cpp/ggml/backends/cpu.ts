import { askedBytes, RAM_BUFFER } from "../buffer_type.ts";
import { spannedBytes } from "../layout.ts";
import { F32, type Tensor } from "../tensor.ts";
import { ggmlType } from "../types.ts";
import type { Backend } from "./backend.ts";

/** What the CPU can't compute (ggml-cpu.cpp, `ggml_backend_cpu_device_supports_op`) is little. */
function supports({ op, sources: [a, b] }: Tensor): boolean {
  if (op !== "MUL_MAT" || a === undefined || b === undefined) return true;
  // The other operand is turned into what the weights are multiplied with.
  return b.type === F32 || b.type === a.type;
}

/** ggml-cpu. Beside devices it computes in RAM that they have pinned. */
export const CPU_BACKEND: Backend = {
  buffer: RAM_BUFFER,
  hasHostBuffer: false,
  readsHostBuffer: true,
  overlaps: false,
  supports,
  takes: () => false,
  bytesOf: (tensor) =>
    askedBytes(RAM_BUFFER, {
      type: ggmlType(tensor.type),
      n0: tensor.n0,
      bytes: spannedBytes(tensor),
    }),
  arrange: (nodes) => nodes,
};
