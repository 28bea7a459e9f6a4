import type { GpuBackend } from "../../../src/llama_cpp/options.ts";
import type { Failure, Life } from "./worker.ts";

const WORKER = new URL("./worker.ts", import.meta.url).pathname;
const CONFIGURATION = new URL("../../../deno.json", import.meta.url).pathname;

/** Has the worker live with a model, or only look at its devices where none is given. */
export async function runWorker(
  backend: GpuBackend,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Life | Failure> {
  const { stdout, stderr, code, signal } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", "--no-check", `--config=${CONFIGURATION}`, WORKER, backend, ...args],
    env: { NO_COLOR: "1", GGML_NO_BACKTRACE: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (text === "") throw new Error(`${signal ?? code}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(text);
}

/** The same where it must live. */
export async function runLife(
  backend: GpuBackend,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Life> {
  const life = await runWorker(backend, args, env);
  if ("code" in life) throw new Error(`${life.code}: ${life.message}; ${life.hint}`);
  return life;
}

/** The same where it must fail. */
export async function runFailure(
  backend: GpuBackend,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Failure> {
  const failure = await runWorker(backend, args, env);
  if (!("code" in failure)) throw new Error(`It lived with ${failure.devices.length} devices`);
  return failure;
}
