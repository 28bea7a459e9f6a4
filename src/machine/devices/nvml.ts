import { messageOf } from "../../budget/error.ts";

/**
 * What is asked of NVIDIA's management library (NVML), answers decoded. `native_nvml.ts` calls the
 * real one; recorded machines answer from files. Every function may throw an `NvmlFailure`.
 */
export interface Nvml {
  /** `580.95.05`. */
  driverVersion(): Promise<string>;
  /** The newest CUDA that the driver has, as 13000 for 13.0. */
  cudaDriverVersion(): Promise<number>;
  /** Physical cards that this process may see, ordered by their places on the bus. */
  deviceCount(): Promise<number>;
  device(index: number): Promise<NvmlDevice>;
}

/** A card, or a MIG device of one. */
export interface NvmlDevice {
  name(): Promise<string>;
  /** `GPU-…`, `MIG-…`. */
  uuid(): Promise<string>;
  /** Domain, bus, device and function, in lower case: `0000:01:00.0`. A MIG device has its card's. */
  busId(): Promise<string>;
  memory(): Promise<NvmlMemory>;
  computeCapability(): Promise<{ readonly major: number; readonly minor: number }>;
  /** CUDA cores, of all multiprocessors together. */
  cores(): Promise<number>;
  /** Whether it is split into MIG devices now. */
  isSplit(): Promise<boolean>;
  /** How many MIG devices it can have at most; places between may be empty. */
  mostMigDevices(): Promise<number>;
  migDevice(index: number): Promise<NvmlDevice>;
  /** Of a MIG device: which GPU instance, and which compute instance in it. */
  instance(): Promise<{ readonly gpu: number; readonly compute: number }>;
  /** Of a MIG device. */
  multiprocessors(): Promise<number>;
  /** Processes that compute or draw there. */
  processes(): Promise<readonly NvmlProcess[]>;
}

/** What NVML says of a device's memory. All bytes whole. */
export interface NvmlMemory {
  /** The function that told. */
  readonly call: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** What processes hold; with what is reserved in it or not, by the driver's version. */
  readonly usedBytes: number;
  /** Kept by driver and firmware: in the total, and never to be had. Absent where it isn't told apart. */
  readonly reservedBytes?: number;
}

/** A process on a device. */
export interface NvmlProcess {
  readonly processId: number;
  /** Absent where the driver doesn't tell (Windows). */
  readonly bytes?: number;
}

/** NVML's numbers for what went wrong that somebody here goes by (nvml.h). */
export const NVML_CODES = {
  notSupported: 3,
  notFound: 6,
  insufficientSize: 7,
  functionNotFound: 13,
} as const;

/** A function of NVML that didn't do what it was asked. */
export class NvmlFailure extends Error {
  override readonly name = "NvmlFailure";

  /**
   * @param call the function, as NVML names it
   * @param code NVML's number
   * @param text NVML's words for it
   */
  constructor(readonly call: string, readonly code: number, text: string) {
    super(`${call}: ${text} (code ${code})`);
  }
}

/** What was answered, or nothing where NVML has no answer; any other error is thrown on. */
export async function ifTold<Value>(answer: Promise<Value>): Promise<Value | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof NvmlFailure)) throw error;
    return undefined;
  }
}

/** Whether NVML said that it can't be had there at all, and not that it failed this time. */
export function isNotSupported(error: unknown): boolean {
  return error instanceof NvmlFailure &&
    (error.code === NVML_CODES.notSupported || error.code === NVML_CODES.functionNotFound);
}

/** The library isn't there, or can't be opened. */
export class NvmlMissing extends Error {
  override readonly name = "NvmlMissing";

  /** @param cause what the system said when it was opened */
  constructor(cause: unknown) {
    super(messageOf(cause).split("\n", 1)[0], { cause });
  }
}
