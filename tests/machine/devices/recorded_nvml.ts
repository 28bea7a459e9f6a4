import { type Nvml, type NvmlDevice, NvmlFailure } from "../../../src/machine/devices/nvml.ts";
import type { NvmlSource } from "../../../src/machine/devices/nvml_source.ts";

/** Where the recorded machines with devices are. */
export const MACHINES = new URL("../../../fixtures/devices/", import.meta.url);

/** An answer, or NVML's number for why there is none. */
type Answer<Value> = Value | { readonly error: number };

/** The functions of a device that just answer, and what they were recorded to answer. */
type Answers = {
  readonly [Key in Exclude<keyof NvmlDevice, "migDevice">]?: Answer<
    Awaited<ReturnType<NvmlDevice[Key]>>
  >;
};

/** A card as `nvml.json` has it. */
interface RecordedCard extends Answers {
  /** MIG devices by their places. */
  readonly parts?: readonly (Answers | null)[];
}

/** What `nvml.json` has. */
interface Recording {
  readonly init?: Answer<true>;
  readonly driverVersion?: Answer<string>;
  readonly cudaDriverVersion?: Answer<number>;
  /** The cards' where it is absent. */
  readonly count?: number;
  readonly cards?: readonly Answer<RecordedCard>[];
}

/** NVML as it answered on a recorded machine. */
export function recordedNvml(machine: string): NvmlSource {
  return answering(
    JSON.parse(Deno.readTextFileSync(new URL(`${machine}/nvml.json`, MACHINES))),
  );
}

/** NVML that gives these answers. */
export function answering(recording: Recording): NvmlSource {
  const { init = true, cards = [], count = cards.length } = recording;
  const nvml: Nvml = {
    driverVersion: () => answer("nvmlSystemGetDriverVersion", recording.driverVersion),
    cudaDriverVersion: () =>
      answer("nvmlSystemGetCudaDriverVersion_v2", recording.cudaDriverVersion),
    deviceCount: () => Promise.resolve(count),
    device: async (index) =>
      deviceAnswering(await answer("nvmlDeviceGetHandleByIndex_v2", cards[index])),
  };
  return {
    open: async () => {
      await answer("nvmlInit_v2", init);
      return nvml;
    },
    giveUp: () => {},
  };
}

function deviceAnswering(card: RecordedCard): NvmlDevice {
  return {
    name: () => answer("nvmlDeviceGetName", card.name),
    uuid: () => answer("nvmlDeviceGetUUID", card.uuid),
    busId: () => answer("nvmlDeviceGetPciInfo_v3", card.busId),
    memory: () => answer("nvmlDeviceGetMemoryInfo_v2", card.memory),
    computeCapability: () => answer("nvmlDeviceGetCudaComputeCapability", card.computeCapability),
    cores: () => answer("nvmlDeviceGetNumGpuCores", card.cores),
    isSplit: () => answer("nvmlDeviceGetMigMode", card.isSplit),
    mostMigDevices: () => answer("nvmlDeviceGetMaxMigDeviceCount", card.mostMigDevices),
    migDevice: async (place) =>
      deviceAnswering(
        await answer<RecordedCard>(
          "nvmlDeviceGetMigDeviceHandleByIndex",
          card.parts?.[place] ?? { error: 6 },
        ),
      ),
    instance: () => answer("nvmlDeviceGetGpuInstanceId", card.instance),
    multiprocessors: () => answer("nvmlDeviceGetAttributes_v2", card.multiprocessors),
    processes: () => answer("nvmlDeviceGetComputeRunningProcesses_v3", card.processes),
  };
}

/** What wasn't recorded, NVML doesn't support there. */
function answer<Value>(call: string, recorded: Answer<Value> | undefined): Promise<Value> {
  const isError = typeof recorded === "object" && recorded !== null && "error" in recorded;
  if (recorded === undefined || isError) {
    const code = isError ? recorded.error : 3;
    return Promise.reject(new NvmlFailure(call, code, "as it was recorded"));
  }
  return Promise.resolve(recorded);
}
