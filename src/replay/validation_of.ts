import { defined } from "../budget/defined.ts";
import type { DeviceMemory } from "../budget/memory.ts";
import { RAM } from "../budget/pools/pools.ts";
import type { Validation } from "../budget/validation.ts";
import type { Recorded } from "../report/schema/transcript.ts";

type ValidationJson = Extract<Recorded, { readonly event: "validation" }>["validation"];

/**
 * Layer 1's answer as a run heard it, from what JSON has of it. Recommendations are left out: JSON has
 * them as flags, which are for who reads them and not for a validation.
 */
export function validationOf(json: ValidationJson): Validation {
  const { memory: { promisedBytes, pools, ...memory }, recommendations: _, ...rest } = json;
  const devices = pools.filter(({ id }) => id !== RAM).map((pool): DeviceMemory => {
    const { promisedBytes, kind, name, identity, holders, ...device } = pool;
    return {
      ...device,
      ...defined({ identity }),
      kind: kind === "unified" ? "unified" : "device",
      name: name ?? device.id,
      reservedBytes: promisedBytes,
      ...defined({ holders }),
    };
  });
  return {
    ...rest,
    memory: {
      ...memory,
      reservedBytes: promisedBytes,
      ...(devices.length > 0 ? { devices } : {}),
    },
    recommendations: [],
  } as Validation;
}
