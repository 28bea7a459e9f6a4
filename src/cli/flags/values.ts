import { BrainjarError } from "../../budget/error.ts";
import { parseSize } from "../../budget/size.ts";
import type { CommandName } from "./commands.ts";
import { type FlagDefinition, flagsOf } from "./flags.ts";
import { didYouMean } from "./did_you_mean.ts";
import type { ParsedFlags } from "./parse.ts";

/** Typed access to what was typed; each value is checked against the flag table. */
export interface FlagValues {
  has(name: string): boolean;
  text(name: string): string | undefined;
  number(name: string): number | undefined;
  /** Whole bytes. */
  size(name: string): number | undefined;
  /** Whole seconds. */
  duration(name: string): number | undefined;
  /** A per-jar flag's values by jar, as typed. */
  jarTexts(name: string): ReadonlyMap<string, string>;
  /** A per-jar flag's sizes by jar, in whole bytes. */
  jarSizes(name: string): ReadonlyMap<string, number>;
}

/**
 * Checks every value that was typed and gives typed access to them.
 *
 * @throws BrainjarError `invalid-value` or `invalid-size`, quoting flag and value.
 */
export function readValues(command: CommandName, flags: ParsedFlags): FlagValues {
  const definitions = new Map(
    flagsOf(command).filter((flag) => !flag.perJar).map((flag) => [flag.name, flag]),
  );
  const texts = new Map<string, string>();
  const numbers = new Map<string, number>();
  for (const [name, value] of flags.values) {
    const flag = definitions.get(name);
    if (flag === undefined || value === true) continue;
    texts.set(name, value);
    const number = checkValue(flag, `--${name}`, value);
    if (number !== undefined) numbers.set(name, number);
  }
  const jarSizes = new Map<string, ReadonlyMap<string, number>>();
  for (const [name, jars] of flags.perJar) {
    for (const [jar, text] of jars) rejectEmpty(`--${name}-${jar}`, text);
    if (name !== "ram-limit") continue;
    jarSizes.set(
      name,
      new Map([...jars].map(([jar, text]) => [jar, readSize(`--${name}-${jar}`, text)])),
    );
  }
  const none = new Map<string, never>();
  return {
    has: (name) => flags.values.has(name),
    text: (name) => texts.get(name),
    number: (name) => numbers.get(name),
    size: (name) => numbers.get(name),
    duration: (name) => numbers.get(name),
    jarTexts: (name) => flags.perJar.get(name) ?? none,
    jarSizes: (name) => jarSizes.get(name) ?? none,
  };
}

/** The number that a value stands for, absent for words. */
function checkValue(flag: FlagDefinition, typed: string, value: string): number | undefined {
  rejectEmpty(typed, value);
  switch (flag.type) {
    case "choice": {
      const choices = flag.choices ?? [];
      if (choices.includes(value)) return undefined;
      throw new BrainjarError("invalid-value", `Flag "${typed}" can't be "${value}"`, {
        hint: `${didYouMean(value, choices)} It takes ${choices.join(", ")}`,
      });
    }
    case "size":
      return readSize(typed, value, flag.name.endsWith("-headroom"));
    case "duration":
      return readDuration(typed, value);
    case "count":
    case "number":
      return readNumber(flag, typed, value);
    default:
      return undefined;
  }
}

function rejectEmpty(typed: string, value: string): void {
  if (value !== "") return;
  throw new BrainjarError("invalid-value", `Flag "${typed}" has an empty value`, {
    hint: `Give it a value or leave it out`,
  });
}

function readSize(typed: string, value: string, zeroAllowed = false): number {
  try {
    return parseSize(value, { allowZero: zeroAllowed });
  } catch (error) {
    if (!(error instanceof BrainjarError)) throw error;
    throw new BrainjarError(error.code, `Flag "${typed}": ${error.message}`, {
      hint: error.hint ?? "",
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
  throw new BrainjarError("invalid-value", `Flag "${typed}" can't be "${value}"`, {
    hint: `It takes a ${whole ? "whole number" : "number"} from ${least} to ${greatest}`,
  });
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

function readDuration(typed: string, value: string): number {
  const match = /^(\d+)([smh])$/.exec(value);
  const unit = match?.[2] as keyof typeof SECONDS | undefined;
  const seconds = match && unit ? Number(match[1]) * SECONDS[unit] : 0;
  if (seconds > 0 && seconds <= 7 * 24 * 3600) return seconds;
  throw new BrainjarError("invalid-value", `Flag "${typed}" can't be "${value}"`, {
    hint: "It takes a time such as 90s, 10m or 1h, a week at most",
  });
}
