import type { z } from "zod";

/** The type that a schema states, as code that only reads it takes it. */
export type Shape<Schema extends z.ZodType> = Frozen<z.infer<Schema>>;

type Frozen<Value> = Value extends readonly (infer Item)[] ? readonly Frozen<Item>[]
  : Value extends object ? { readonly [Key in keyof Value]: Frozen<Value[Key]> }
  : Value;
