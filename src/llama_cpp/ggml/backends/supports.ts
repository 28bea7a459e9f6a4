import { BF16, F16, F32, type Tensor } from "../tensor.ts";
import { ggmlType } from "../types.ts";

// The words in which a backend's table of operations is written (`ggml_backend_*_device_supports_op`).

/** Whether an operation is computed for a result of these operands. */
export type Supports = (tensor: Tensor) => boolean;

export const always: Supports = () => true;

/** The first and the second operand. */
export const a = ({ sources }: Tensor) => sources[0] as Tensor;
export const b = ({ sources }: Tensor) => sources[1] as Tensor;

export const typeName = ({ type }: Tensor) => ggmlType(type).name;
export const isSingle = ({ type }: Tensor) => type === F32;
export const isSingleOrHalf = ({ type }: Tensor) => type === F32 || type === F16;
export const isFloat = ({ type }: Tensor) => type === F32 || type === F16 || type === BF16;

/** Names of types or functions, with blanks between. */
export function named(names: string): ReadonlySet<string> {
  return new Set(names.split(" "));
}
