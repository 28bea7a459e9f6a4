import {
  type Nvml,
  NVML_CODES,
  type NvmlDevice,
  NvmlFailure,
  type NvmlMemory,
  NvmlMissing,
  type NvmlProcess,
} from "./nvml.ts";

/** A function that is called on another thread, since a driver may hang; older libraries lack some. */
function called<const Parameters extends readonly Deno.NativeType[]>(...parameters: Parameters) {
  return { parameters, result: "i32", nonblocking: true, optional: true } as const;
}

/** NVML's functions (nvml.h): each answers with a number, 0 for success. */
const SYMBOLS = {
  nvmlInit_v2: called(),
  nvmlSystemGetDriverVersion: called("buffer", "u32"),
  nvmlSystemGetCudaDriverVersion_v2: called("buffer"),
  nvmlDeviceGetCount_v2: called("buffer"),
  nvmlDeviceGetHandleByIndex_v2: called("u32", "buffer"),
  nvmlDeviceGetName: called("pointer", "buffer", "u32"),
  nvmlDeviceGetUUID: called("pointer", "buffer", "u32"),
  nvmlDeviceGetPciInfo_v3: called("pointer", "buffer"),
  nvmlDeviceGetMemoryInfo: called("pointer", "buffer"),
  nvmlDeviceGetMemoryInfo_v2: called("pointer", "buffer"),
  nvmlDeviceGetCudaComputeCapability: called("pointer", "buffer", "buffer"),
  nvmlDeviceGetNumGpuCores: called("pointer", "buffer"),
  nvmlDeviceGetMigMode: called("pointer", "buffer", "buffer"),
  nvmlDeviceGetMaxMigDeviceCount: called("pointer", "buffer"),
  nvmlDeviceGetMigDeviceHandleByIndex: called("pointer", "u32", "buffer"),
  nvmlDeviceGetGpuInstanceId: called("pointer", "buffer"),
  nvmlDeviceGetComputeInstanceId: called("pointer", "buffer"),
  nvmlDeviceGetAttributes_v2: called("pointer", "buffer"),
  nvmlDeviceGetComputeRunningProcesses_v3: called("pointer", "buffer", "buffer"),
  nvmlDeviceGetGraphicsRunningProcesses_v3: called("pointer", "buffer", "buffer"),
  nvmlDeviceGetMPSComputeRunningProcesses_v3: called("pointer", "buffer", "buffer"),
  // A table of the library's: it asks nobody.
  nvmlErrorString: { parameters: ["i32"], result: "pointer", optional: true },
} as const;

type Functions = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The functions that answer with a number. */
type Call = Exclude<keyof Functions, "nvmlErrorString">;

/** What `nvmlDeviceGetMemoryInfo_v2` wants to be told: the size of what it fills, and version 2. */
const MEMORY_V2 = { bytes: 40, version: 40 | (2 << 24) };

/** What `nvmlDeviceGetPciInfo_v3` fills, and where in it the bus id is. */
const PCI_INFO = { bytes: 68, busId: 36 };

/** `nvmlDeviceAttributes_t`, which begins with the multiprocessors. */
const ATTRIBUTES_BYTES = 40;

/** `nvmlProcessInfo_t`: process id, bytes, GPU instance, compute instance. */
const PROCESS_BYTES = 24;

/** Processes that a device is asked for at first, and at most: beyond it a count is no answer. */
const PROCESSES = { first: 64, most: 4096 };

/** All bits: NVML doesn't know how much a process holds (Windows' own memory manager). */
const NOT_AVAILABLE = 0xffff_ffff_ffff_ffffn;

/** Long enough for every name, UUID and version of nvml.h. */
const TEXT_BYTES = 96;

/** Where the library is: its name, and WSL's folder, which not every distribution looks in. */
export function libraryNames(os: typeof Deno.build.os = Deno.build.os): readonly string[] {
  return os === "windows"
    ? ["nvml.dll"]
    : ["libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"];
}

/**
 * NVIDIA's management library, opened and initialized. Every call runs on a thread of its own, so
 * that one that hangs can be abandoned. It is never closed: the watch asks every second, and the
 * driver forgets when the process ends.
 *
 * Rejects with `NvmlMissing` where there is none, `NvmlFailure` where it can't reach its driver.
 */
export async function openNvml(names: readonly string[] = libraryNames()): Promise<Nvml> {
  const functions = openFirst(names);
  const call = callerOf(functions);
  await call("nvmlInit_v2");
  return {
    driverVersion: () => textFrom((text) => call("nvmlSystemGetDriverVersion", text, TEXT_BYTES)),
    cudaDriverVersion: () => numberFrom((out) => call("nvmlSystemGetCudaDriverVersion_v2", out)),
    deviceCount: () => numberFrom((out) => call("nvmlDeviceGetCount_v2", out)),
    device: (index) => deviceFrom(call, (out) => call("nvmlDeviceGetHandleByIndex_v2", index, out)),
  };
}

function openFirst(names: readonly string[]): Functions {
  // Asked first, because opening it without permission would stop and ask the user.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    throw new NvmlMissing(new Error("Deno guards it with --allow-ffi"));
  }
  let failure: unknown;
  for (const name of names) {
    try {
      return Deno.dlopen(name, SYMBOLS).symbols;
    } catch (error) {
      failure ??= error;
    }
  }
  throw new NvmlMissing(failure);
}

/** Calls by name; anything but success is an `NvmlFailure`. */
type Caller = <Name extends Call>(
  name: Name,
  ...values: Parameters<NonNullable<Functions[Name]>>
) => Promise<void>;

function callerOf(functions: Functions): Caller {
  return async (name, ...values) => {
    // Its type is that of all functions at once, which no values fit.
    const one = functions[name] as (...values: unknown[]) => Promise<number>;
    let code: number;
    try {
      code = await one(...values);
    } catch (error) {
      // How Deno says that the library has no such function.
      if (!(error instanceof TypeError) || !error.message.includes(`'${name}'`)) throw error;
      throw new NvmlFailure(name, NVML_CODES.functionNotFound, "this driver has no such function");
    }
    if (code !== 0) throw new NvmlFailure(name, code, errorText(functions, code));
  };
}

function errorText({ nvmlErrorString }: Functions, code: number): string {
  const text = nvmlErrorString?.(code) ?? null;
  return text === null ? "an error without a name" : Deno.UnsafePointerView.getCString(text);
}

async function deviceFrom(
  call: Caller,
  fill: (out: BigUint64Array<ArrayBuffer>) => Promise<void>,
): Promise<NvmlDevice> {
  const out = new BigUint64Array(1);
  await fill(out);
  return deviceOn(call, Deno.UnsafePointer.create(out[0] ?? 0n));
}

function deviceOn(call: Caller, handle: Deno.PointerValue): NvmlDevice {
  return {
    name: () => textFrom((text) => call("nvmlDeviceGetName", handle, text, TEXT_BYTES)),
    uuid: () => textFrom((text) => call("nvmlDeviceGetUUID", handle, text, TEXT_BYTES)),
    busId: async () => {
      const info = new Uint8Array(PCI_INFO.bytes);
      await call("nvmlDeviceGetPciInfo_v3", handle, info);
      return shortBusId(cText(info.subarray(PCI_INFO.busId)));
    },
    memory: () => memoryOf(call, handle),
    computeCapability: async () => {
      const [major, minor] = [new Int32Array(1), new Int32Array(1)];
      await call("nvmlDeviceGetCudaComputeCapability", handle, major, minor);
      return { major: major[0] ?? 0, minor: minor[0] ?? 0 };
    },
    cores: () => numberFrom((out) => call("nvmlDeviceGetNumGpuCores", handle, out)),
    isSplit: async () => {
      const pending = new Uint32Array(1);
      return await numberFrom((now) => call("nvmlDeviceGetMigMode", handle, now, pending)) === 1;
    },
    mostMigDevices: () => numberFrom((out) => call("nvmlDeviceGetMaxMigDeviceCount", handle, out)),
    migDevice: (index) =>
      deviceFrom(
        call,
        (out) => call("nvmlDeviceGetMigDeviceHandleByIndex", handle, index, out),
      ),
    instance: async () => ({
      gpu: await numberFrom((out) => call("nvmlDeviceGetGpuInstanceId", handle, out)),
      compute: await numberFrom((out) => call("nvmlDeviceGetComputeInstanceId", handle, out)),
    }),
    multiprocessors: async () => {
      const attributes = new Uint32Array(ATTRIBUTES_BYTES / 4);
      await call("nvmlDeviceGetAttributes_v2", handle, attributes);
      return attributes[0] ?? 0;
    },
    processes: () => processesOf(call, handle),
  };
}

/** Version 2 tells what is reserved apart; drivers before 510 have version 1 alone. */
async function memoryOf(call: Caller, handle: Deno.PointerValue): Promise<NvmlMemory> {
  const second = new BigUint64Array(MEMORY_V2.bytes / 8);
  second[0] = BigInt(MEMORY_V2.version);
  try {
    await call("nvmlDeviceGetMemoryInfo_v2", handle, second);
    const [, total = 0n, reserved = 0n, free = 0n, used = 0n] = second;
    return {
      call: "nvmlDeviceGetMemoryInfo_v2",
      totalBytes: Number(total),
      freeBytes: Number(free),
      usedBytes: Number(used),
      reservedBytes: Number(reserved),
    };
  } catch (error) {
    if (!(error instanceof NvmlFailure)) throw error;
  }
  const first = new BigUint64Array(3);
  await call("nvmlDeviceGetMemoryInfo", handle, first);
  const [total = 0n, free = 0n, used = 0n] = first;
  return {
    call: "nvmlDeviceGetMemoryInfo",
    totalBytes: Number(total),
    freeBytes: Number(free),
    usedBytes: Number(used),
  };
}

/** Those that compute, draw, and compute through MPS; one that does several is one. */
async function processesOf(call: Caller, handle: Deno.PointerValue): Promise<NvmlProcess[]> {
  const processes = new Map<number, NvmlProcess>();
  const kinds = [
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetGraphicsRunningProcesses_v3",
    "nvmlDeviceGetMPSComputeRunningProcesses_v3",
  ] as const;
  for (const kind of kinds) {
    try {
      for (const one of await listedBy(call, kind, handle)) processes.set(one.processId, one);
    } catch (error) {
      // A card that doesn't draw has no such list; what computes is told, or nothing is.
      if (!(error instanceof NvmlFailure) || kind === kinds[0]) throw error;
    }
  }
  return [...processes.values()];
}

async function listedBy(
  call: Caller,
  kind: Extract<Call, `${string}RunningProcesses_v3`>,
  handle: Deno.PointerValue,
): Promise<NvmlProcess[]> {
  let room: number = PROCESSES.first;
  while (true) {
    const count = new Uint32Array([room]);
    const list = new BigUint64Array(room * PROCESS_BYTES / 8);
    try {
      await call(kind, handle, count, list);
      return Array.from({ length: Math.min(room, count[0] ?? 0) }, (_, at) => {
        const [id = 0n, bytes = NOT_AVAILABLE] = list.subarray(at * PROCESS_BYTES / 8);
        const processId = Number(id & 0xffff_ffffn);
        return bytes === NOT_AVAILABLE ? { processId } : { processId, bytes: Number(bytes) };
      });
    } catch (error) {
      const isShort = error instanceof NvmlFailure && error.code === NVML_CODES.insufficientSize;
      if (!isShort || room >= PROCESSES.most) throw error;
      // Some more may have started meanwhile.
      room = Math.min(PROCESSES.most, Math.max(2 * room, 2 * (count[0] ?? 0)));
    }
  }
}

/** NVML writes the domain with eight digits; the kernel, CUDA and llama.cpp with four. */
function shortBusId(busId: string): string {
  return busId.toLowerCase().replace(/^0000(?=[0-9a-f]{4}:)/, "");
}

async function numberFrom(
  fill: (out: Uint32Array<ArrayBuffer>) => Promise<void>,
): Promise<number> {
  const out = new Uint32Array(1);
  await fill(out);
  return out[0] ?? 0;
}

async function textFrom(fill: (out: Uint8Array<ArrayBuffer>) => Promise<void>): Promise<string> {
  const out = new Uint8Array(TEXT_BYTES);
  await fill(out);
  return cText(out);
}

/** A text up to its zero byte. */
function cText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end)).trim();
}
