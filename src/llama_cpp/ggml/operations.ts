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
