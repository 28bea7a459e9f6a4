import { lineOf } from "../../budget/error.ts";

/** A scheduler that doesn't answer is asked by the jars themselves. */
const ANSWER_MILLISECONDS = 10_000;

/** What a scheduler's command prints. Rejects where it can't be asked, or doesn't answer in time. */
export async function askScheduler([program = "", ...args]: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(lineOf(decoder.decode(stderr)) || `${program} didn't answer`);
}
