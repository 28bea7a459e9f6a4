import { BrainjarError } from "../../budget/error.ts";
import { parseSize, type SizeOptions } from "../../budget/size.ts";
import type { CommandName } from "./commands.ts";
import {
  type DefaultedFlag,
  type FlagDefinition,
  type FlagName,
  FLAGS,
  flagsOf,
  type FlagValue,
  type JarFlagName,
  type JarFlagValue,
} from "./flags.ts";
import { didYouMean } from "./did_you_mean.ts";
import type { ParsedFlags } from "./parse.ts";

/** What was typed, each value checked against the flag table and of the type that it says. */
export interface FlagValues {
  /** What was typed, else the table's default; a switch that wasn't typed is false. */
  get<Name extends DefaultedFlag>(name: Name): FlagValue<Name>;
  get<Name extends FlagName>(name: Name): FlagValue<Name> | undefined;
  /** What was typed, and no default. */
  given<Name extends FlagName>(name: Name): FlagValue<Name> | undefined;
  /** What was typed for single jars, by jar. */
  perJar<Name extends JarFlagName>(name: Name): ReadonlyMap<string, JarFlagValue<Name>>;
  /**
   * What was typed of the flags that another command takes too, word by word, some left out.
   *
   * @param write what a value is written as, where it isn't as it was typed
   */
  typedFor(
    command: CommandName,
    except: readonly (FlagName | JarFlagName)[],
    write?: (flag: FlagDefinition, value: string) => string,
  ): readonly string[];
}

type Value = string | number | boolean;

const DEFAULTS: ReadonlyMap<string, Value> = new Map(
  FLAGS.filter((flag) => !flag.perJar).flatMap((flag): [string, Value][] => {
    const value = flag.type === "switch" ? false : flag.default;
    return value === undefined ? [] : [[flag.name, value]];
  }),
);

/**
 * Checks every value that was typed and gives typed access to them.
 *
 * @throws BrainjarError `invalid-value` or `invalid-size`, quoting flag and value.
 *
 * @example
 * ```ts
 * import { parseCommandLine } from "./parse.ts";
 * import { readValues } from "./values.ts";
 * const line = parseCommandLine(["check", "--safety-margin", "20"]);
 * if (line.kind !== "command") throw new Error("A command");
 * const values = readValues(line.command, line.flags);
 * if (values.get("safety-margin") !== 20 || values.get("batch-size") !== 512) throw new Error();
 * if (values.given("batch-size") !== undefined) throw new Error("Nobody typed it");
 * ```
 */
export function readValues(command: CommandName, flags: ParsedFlags): FlagValues {
  const definitions = flagsOf(command);
  const typed = new Map<string, Value>();
  for (const flag of definitions) {
    const value = flag.perJar ? undefined : flags.values.get(flag.name);
    if (value === undefined) continue;
    typed.set(flag.name, value === true ? true : readValue(flag, `--${flag.name}`, value));
  }
  const typedPerJar = new Map<string, ReadonlyMap<string, Value>>();
  for (const [name, jars] of flags.perJar) {
    const flag = definitions.find((flag) => flag.perJar && flag.name === name);
    if (flag === undefined) continue;
    const read = [...jars].map(([jar, value]): [string, Value] => [
      jar,
      readValue(flag, `--${name}-${jar}`, value),
    ]);
    typedPerJar.set(name, new Map(read));
  }
  // The table's types say what `readValue` made of each.
  return {
    get: (name: string) => typed.get(name) ?? DEFAULTS.get(name),
    given: (name: string) => typed.get(name),
    perJar: (name: string) => typedPerJar.get(name) ?? new Map(),
    typedFor: (
      other: CommandName,
      except: readonly string[],
      write = (_: FlagDefinition, value: string) => value,
    ) =>
      flagsOf(other).filter(({ name }) => !except.includes(name))
        .flatMap((flag) => typedWords(flag, flags, (value) => write(flag, value))),
  } as FlagValues;
}

/** A flag's words on the command line; none where it wasn't typed. */
function typedWords(
  { name, perJar }: FlagDefinition,
  flags: ParsedFlags,
  write: (value: string) => string,
): string[] {
  if (perJar) {
    return [...flags.perJar.get(name) ?? []].flatMap((
      [jar, value],
    ) => [`--${name}-${jar}`, write(value)]);
  }
  const value = flags.values.get(name);
  if (value === undefined) return [];
  return value === true ? [`--${name}`] : [`--${name}`, write(value)];
}

/** What a value stands for: a number, or the words as they were typed. */
function readValue(flag: FlagDefinition, typed: string, value: string): string | number {
  if (value === "") {
    throw new BrainjarError("invalid-value", `Flag "${typed}" has an empty value`, {
      hint: "Give it a value or leave it out",
    });
  }
  switch (flag.type) {
    case "choice": {
      const choices = flag.choices ?? [];
      if (choices.includes(value)) return value;
      const { olderNames = {} } = flag;
      const renamed = Object.hasOwn(olderNames, value) ? olderNames[value] : undefined;
      if (renamed !== undefined) return renamed;
      throw invalid(typed, value, didYouMean(value, choices, `It takes ${choices.join(", ")}`));
    }
    case "size":
      return readSize(typed, value, { allowZero: flag.least === 0 });
    case "duration":
      return readDuration(flag, typed, value);
    case "pace":
      return value === "full" ? value : readPace(flag, typed, value);
    case "speed":
      return value === "max" ? value : readSpeed(flag, typed, value);
    case "layers":
      return readLayers(flag, typed, value);
    case "count":
    case "number":
      return readNumber(flag, typed, value);
    default:
      return value;
  }
}

function invalid(typed: string, value: string, hint: string): BrainjarError {
  return new BrainjarError("invalid-value", `Flag "${typed}" can't be "${value}"`, { hint });
}

/**
 * A size that somebody typed for a flag.
 *
 * @param typed the flag as it was typed, without its dashes
 * @param hint what to say where the size itself has nothing to say
 * @throws {BrainjarError} what `parseSize` throws, with the flag named
 */
export function readSize(
  typed: string,
  value: string,
  { hint = "", ...options }: SizeOptions & { readonly hint?: string } = {},
): number {
  try {
    return parseSize(value, options);
  } catch (error) {
    if (!(error instanceof BrainjarError)) throw error;
    throw new BrainjarError(error.code, `Flag "${typed}": ${error.message}`, {
      hint: error.hint ?? hint,
      cause: error,
    });
  }
}

const DECIMAL = /^-?(\d+\.?\d*|\.\d+)$/;
const WHOLE = /^-?\d+$/;

function readNumber(flag: FlagDefinition, typed: string, value: string): number {
  const whole = flag.type === "count";
  const number = Number(value);
  const least = flag.least ?? -Infinity;
  const greatest = flag.greatest ?? Infinity;
  if ((whole ? WHOLE : DECIMAL).test(value) && number >= least && number <= greatest) return number;
  const kind = whole ? "whole number" : "number";
  throw invalid(typed, value, `It takes a ${kind} from ${least} to ${greatest}`);
}

function readPace(flag: FlagDefinition, typed: string, value: string): number {
  const { least = 0, greatest = Infinity } = flag;
  const number = Number(value);
  if (WHOLE.test(value) && number >= least && number <= greatest) return number;
  const rest = `It takes words a minute, from ${least} to ${greatest}, or full`;
  throw invalid(typed, value, didYouMean(value, ["full"], rest));
}

function readSpeed(flag: FlagDefinition, typed: string, value: string): number {
  const { least = 0, greatest = Infinity } = flag;
  const number = Number(value);
  if (DECIMAL.test(value) && number >= least && number <= greatest) return number;
  const rest = `It takes a number from ${least} to ${greatest}, or max`;
  throw invalid(typed, value, didYouMean(value, ["max"], rest));
}

function readLayers({ greatest = Infinity }: FlagDefinition, typed: string, value: string) {
  if (value === "all" || value === "auto") return value;
  const number = Number(value);
  if (WHOLE.test(value) && number >= 0 && number <= greatest) return number;
  const rest = "It takes a number of layers from 0 on, all, or auto";
  throw invalid(typed, value, didYouMean(value, ["all", "auto"], rest));
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

function readDuration(flag: FlagDefinition, typed: string, value: string): number {
  const { greatest = Infinity } = flag;
  const match = /^(\d+)([smh])$/.exec(value);
  const unit = match?.[2] as keyof typeof SECONDS | undefined;
  const seconds = match && unit ? Number(match[1]) * SECONDS[unit] : 0;
  if (seconds > 0 && seconds <= greatest) return seconds;
  throw invalid(
    typed,
    value,
    `It takes a time such as 90s, 10m or 1h, at most ${greatest / SECONDS.h}h`,
  );
}
