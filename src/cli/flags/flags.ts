import { GB } from "../../budget/size.ts";
import { JARS_OF_MODE } from "../../experiment/roles.ts";
import { KV_CACHE_TYPES, type KvCacheType } from "../../llama_cpp/ggml/types.ts";
import type { GpuLayers } from "../../llama_cpp/options.ts";
import type { CommandName } from "./commands.ts";
import { FLAG_TABLE, type FlagDefinition, PLACEHOLDERS, typedCacheType } from "./table.ts";

export type { FlagDefinition } from "./table.ts";

/** What may stand for JAR in a per-jar flag's name, if no jar file names others. */
export const JAR_NAMES: readonly string[] = [
  ...new Set(Object.values(JARS_OF_MODE).flatMap((jars) => jars.map((jar) => jar.id))),
];

/** Every flag, in the order of `--help`. */
export const FLAGS: readonly FlagDefinition[] = FLAG_TABLE;

type TableFlag = (typeof FLAG_TABLE)[number];

type JarFlag = Extract<TableFlag, { readonly perJar: true }>;

type PlainFlag = Exclude<TableFlag, JarFlag>;

type Named<Flag, Name> = Extract<Flag, { readonly name: Name }>;

/** The flags that stand for all jars. */
export type FlagName = PlainFlag["name"];

/** The flags that stand for one jar. */
export type JarFlagName = JarFlag["name"];

/** What a flag of the table means once it is read: a size in bytes, a duration in seconds. */
type ValueOf<Flag extends FlagDefinition> = Flag extends { readonly type: "switch" } ? boolean
  : Flag extends { readonly type: "choice"; readonly choices: readonly (infer Choice)[] } ? Choice
  : Flag extends { readonly isOptional: true } ? string | true
  : Flag extends { readonly type: "path" | "model" | "text" } ? string
  : Flag extends { readonly type: "layers" } ? GpuLayers
  : Flag extends { readonly type: "pace" } ? number | "full"
  : Flag extends { readonly type: "speed" } ? number | "max"
  : number;

/** What is typed for a flag that stands for all jars. */
export type FlagValue<Name extends FlagName> = ValueOf<Named<PlainFlag, Name>>;

/** What is typed for one jar. */
export type JarFlagValue<Name extends JarFlagName> = ValueOf<Named<JarFlag, Name>>;

/** The flags that are never without a value. */
export type DefaultedFlag = Extract<PlainFlag, { readonly default: unknown } | { type: "switch" }>[
  "name"
];

/** The flags of one command, in the table's order. */
export function flagsOf(command: CommandName): readonly FlagDefinition[] {
  return FLAGS.filter((flag) => flag.commands.includes(command));
}

/** The definition of a flag that stands for all jars. */
export function findFlag<Name extends FlagName>(name: Name): Named<PlainFlag, Name> {
  const isIt = (flag: TableFlag): flag is Named<PlainFlag, Name> =>
    flag.name === name && !("perJar" in flag);
  const found = FLAG_TABLE.find(isIt);
  if (found === undefined) throw new RangeError(`No flag named "${name}"`);
  return found;
}

/** The cache type that was typed, as llama.cpp names it. */
export function cacheTypeOf(typed: string | undefined): KvCacheType | undefined {
  return KV_CACHE_TYPES.find((type) => typedCacheType(type) === typed);
}

/** A flag's default as it is typed; absent where it has none. */
export function defaultText(flag: FlagDefinition): string | undefined {
  if (flag.default === undefined) return undefined;
  return String(flag.type === "size" ? Number(flag.default) / GB : flag.default);
}

/** What stands for a flag's value in help. */
export function valuePlaceholder(flag: FlagDefinition): string {
  const value = flag.placeholder ?? flag.choices?.join("|") ?? PLACEHOLDERS[flag.type] ?? "";
  return flag.isOptional ? `[${value}]` : value;
}
