/** Which operations may write over an operand (ggml-alloc.c, `ggml_op_can_inplace`). */
export const MAY_OVERWRITE: ReadonlySet<string> = new Set([
  "FILL",
  "SCALE",
  "DIAG_MASK_ZERO",
  "DIAG_MASK_INF",
  "ADD",
  "ADD_ID",
  "ADD1",
  "SUB",
  "MUL",
  "DIV",
  "SQR",
  "SQRT",
  "LOG",
  "UNARY",
  "ROPE",
  "ROPE_BACK",
  "SILU_BACK",
  "RMS_NORM",
  "RMS_NORM_BACK",
  "CLAMP",
  "SOFT_MAX",
  "SOFT_MAX_BACK",
]);

/** Functions of one element (`enum ggml_unary_op`). */
export type UnaryFunction =
  | "ABS"
  | "EXP"
  | "GELU"
  | "NEG"
  | "RELU"
  | "ROUND"
  | "SGN"
  | "SIGMOID"
  | "SILU"
  | "SOFTPLUS"
  | "STEP"
  | "TANH"
  | "XIELU";

/** Gated units (`enum ggml_glu_op`). */
export type GatedFunction = "REGLU" | "GEGLU" | "SWIGLU" | "SWIGLU_OAI" | "SWIGLU_CLAMP";
