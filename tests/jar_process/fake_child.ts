import type { MachineMemory } from "../../src/budget/memory.ts";
import { GB } from "../../src/budget/size.ts";
import type { JarConfig } from "../../src/experiment/config.ts";
import type { PlacedJar, PlaceRun } from "../../src/experiment/jar/place.ts";
import { withoutLedger } from "../../src/experiment/memory/reservation_ledger.ts";
import type { JarChild } from "../../src/jar_process/jar_link.ts";
import { checkModelFiles } from "../../src/jar_process/inside/model_files.ts";
import { openJar } from "../../src/jar_process/inside/open_jar.ts";
import { runJar } from "../../src/jar_process/inside/run_jar.ts";
import { type JarStart, SeparateProcess } from "../../src/jar_process/separate_process.ts";
import { jsonText } from "../../src/report/printable.ts";
import type { JarAnswer } from "../../src/report/schema/jar.ts";
import { FakeClock } from "../experiment/fake_clock.ts";
import { FakeEngine, type FakeEngineOptions } from "../experiment/fake_engine.ts";
import { CONTEXT_BYTES, MODEL_BYTES } from "../experiment/stage.ts";

/** How a fake child is other than one that does well. */
export interface FakeChildOptions {
  readonly clock: FakeClock;
  readonly engine?: Omit<FakeEngineOptions, "clock">;
  /** Available bytes on its machine, what its engine holds taken off. */
  readonly available?: () => number;
  readonly version?: string;
  /** What is written instead of an answer, or nothing for nothing, or how it ends there. */
  readonly write?: (answer: JarAnswer, line: string) => string | undefined | Ending;
  /** For how long it waits in its queue before it is started, in milliseconds. */
  readonly helloAfter?: number;
  /** What stands on stderr from the beginning. */
  readonly said?: string;
}

/** How a process ends. */
interface Ending {
  readonly code: number;
  readonly signal: string | null;
}

/** A jar's process that isn't one: the real server on a fake engine, at the other end of streams. */
export interface FakeChild extends JarChild {
  readonly engine: FakeEngine;
  /** It ends without a word, as a process does that is killed. */
  crash(end: Ending, said?: string): void;
  /** Reads nothing any more, and lives on. */
  closeStdin(): void;
}

const encoder = new TextEncoder();
const TOTAL = 16 * GB;

/** Starts a fake child. */
export function fakeChild(options: FakeChildOptions): FakeChild {
  const { clock, version = "1.0.0", said = "", helloAfter = 0 } = options;
  const engine = new FakeEngine({
    modelBytes: MODEL_BYTES,
    contextBytes: CONTEXT_BYTES,
    ...options.engine,
    clock,
  });
  const pipe = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = pipe.writable.getWriter();
  let isStdinClosed = false;
  const stdin = new WritableStream<Uint8Array<ArrayBuffer>>({
    write: async (piece) => {
      if (isStdinClosed) throw new Deno.errors.BrokenPipe();
      await writer.write(piece);
    },
    close: () => writer.close(),
  });
  let outController: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  const stdout = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      outController = controller;
    },
    cancel: () => {
      isUnread = true;
    },
  });
  let errController: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  const stderr = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      errController = controller;
      if (said !== "") controller.enqueue(encoder.encode(said));
    },
  });
  const status = Promise.withResolvers<Ending>();
  const stop = new AbortController();
  let isDead = false;
  let isUnread = false;
  const end = (how: Ending, words = "") => {
    if (isDead) return;
    isDead = true;
    if (words !== "") errController?.enqueue(encoder.encode(words));
    try {
      outController?.close();
    } catch {
      // Who read it has stopped reading.
    }
    errController?.close();
    status.resolve(how);
    stop.abort("eof");
  };
  const answer = (line: JarAnswer) => {
    if (isDead) return;
    const plain = `${jsonText(line)}\n`;
    const text = options.write === undefined ? plain : options.write(line, plain);
    if (typeof text === "object") return end(text);
    if (text !== undefined && !isUnread) outController?.enqueue(encoder.encode(text));
  };
  const readMemory = (): Promise<MachineMemory> =>
    Promise.resolve({
      totalBytes: TOTAL,
      availableBytes: (options.available?.() ?? TOTAL - GB) - engine.anonymousBytes,
      reservedBytes: 0,
      sources: [],
      warnings: [],
    });
  const queued = helloAfter > 0 ? clock.sleep(helloAfter, stop.signal) : Promise.resolve();
  const jar = () =>
    runJar({
      requests: pipe.readable,
      answer,
      version,
      host: "node1",
      processId: 7,
      clock,
      stop,
      open: async (load) => {
        await checkModelFiles(load, {
          stat: (path) =>
            path.endsWith("missing.gguf")
              ? Promise.reject(new Deno.errors.NotFound())
              : Promise.resolve({ isFile: true }),
          host: "node1",
        });
        return await openJar(load, {
          engine,
          clock,
          readMemory,
          readOwnAnonymousBytes: () => engine.anonymousBytes,
          ledger: withoutLedger(readMemory),
          stop: stop.signal,
          answer,
        });
      },
    });
  queued.then(jar).then(() => end({ code: 0, signal: null }));
  return {
    engine,
    stdin,
    stdout,
    stderr,
    status: status.promise,
    kill: (signal) => end({ code: signal === "SIGKILL" ? 137 : 143, signal }),
    leftOthers: () => false,
    killOthers: () => {},
    wasKilledForMemory: () => false,
    crash: end,
    closeStdin: () => {
      isStdinClosed = true;
    },
  };
}

/** A place that starts fake children, with how it does so changed where a test says. */
export function fakePlace(
  [config, run, jar]: readonly [JarConfig, PlaceRun, PlacedJar],
  launch: JarStart["launch"],
  { path = "/models/demo.gguf", ...start }: Partial<JarStart> & { readonly path?: string } = {},
): SeparateProcess {
  const files = [{ path, fileBytes: 1 }];
  return new SeparateProcess({ ...config, files }, run, jar, {
    launch,
    launcher: "fake",
    startsHere: true,
    version: "1.0.0",
    startMilliseconds: 60_000,
    patienceMilliseconds: 0,
    own: { host: "desk" },
    ...start,
  });
}
