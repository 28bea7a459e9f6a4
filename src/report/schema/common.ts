import { z } from "zod";
import { CRITERIA, MODES, ROLES } from "../../budget/demand.ts";

/** Whole bytes. */
export const bytes = z.int().describe("Whole bytes");

export const mode = z.enum(MODES).describe(
  "Which jars there are; jars: those of a jar file",
);
export const role = z.enum(ROLES);
export const criterion = z.enum(CRITERIA);
export const estimator = z.enum(["header", "engine", "filesize"]);

/** Rules 1 and 2 of layer 1. */
export const sumIssueCode = z.enum(["would-be-killed", "would-thrash", "over-reserved"]);

/** All rules that layer 1 fails by. */
export const issueCode = z.enum([
  ...sumIssueCode.options,
  "device-memory",
  "no-such-device",
  "over-limit",
  "allocation-refused",
  "load-refused",
  "available-memory",
  "no-machine-offered",
]);

/** A finding: a stable code for programs, a sentence for people. */
export const finding = z.object({ code: z.string(), message: z.string() });

/** What stands in an answer's place where the command line or an input was wrong. */
export const FAILURE_SCHEMA = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().exactOptional() }),
}).describe("In the answer's place: wrong usage, or an input that can't be read");

/** A pool's id. */
export const poolId = z.string().describe("ram, or a device by backend and number: cuda:0");

/** A device's id, where a figure isn't RAM's. */
export const devicePool = z.string().exactOptional().describe(
  "The device that it is about; absent where that is RAM",
);

/** What a pool is. */
export const poolKind = z.enum(["ram", "device", "unified"]).describe(
  "unified: what the device holds is RAM, and counted there too",
);

/** What a limit counts. */
export const allocatedKind = z.enum(["data", "committed", "address-space"]).describe(
  "What the limit counts, where that isn't memory that is filled",
);

/** How many layers of a jar's model lie on devices. */
export const layersOnDevices = z.object({
  count: z.int(),
  of: z.int().describe("All that there are, the output counted as one"),
  isFound: z.boolean().describe("Found by --gpu-layers auto, and not asked for"),
  heldBy: z.string().exactOptional().describe("The pool that one layer more doesn't pass with"),
}).describe("Absent where the engine drives no device");

/** Where a jar is to live, and what it is started with. */
const place = z.object({
  id: z.string(),
  role,
  model: z.string(),
  ramLimitBytes: bytes.exactOptional(),
  launcher: z.string().exactOptional()
    .describe("What starts its process; absent where it lives in the run's own"),
  isHere: z.boolean().describe("Whether it takes this machine's memory, which is judged"),
  limitBytes: bytes.exactOptional()
    .describe("What its launcher is asked to hold it to; absent where it is held to nothing"),
  requestBytes: bytes.describe("What it needs by estimate, and asks for where it can"),
  floorBytes: bytes,
  workingSetBytes: bytes,
  gpuLayers: layersOnDevices.exactOptional(),
  devices: z.array(z.object({ id: poolId, requiredBytes: bytes })).exactOptional(),
});

/** Where each jar is to live. */
export const places = z.array(place).exactOptional().describe(
  "Each jar in the run's order; absent where all of them live in the run's own process",
);

/** What is given out of one pool. */
export const allocation = {
  allocatedBytes: bytes,
  totalBytes: bytes,
  usableBytes: bytes,
  remainingBytes: bytes,
};

/** One reading that a memory figure came from. */
export const memorySource = z.object({
  figure: z.enum(["total", "available"]),
  name: z.string(),
  path: z.string().exactOptional(),
  bytes,
  decides: z.boolean().describe("True for the reading that decided the figure"),
  counts: allocatedKind.exactOptional(),
  terms: z.array(z.object({ name: z.string(), path: z.string(), bytes })).exactOptional(),
});
