import type { RunEvent } from "../experiment/events.ts";
import { recommendationJson } from "./recommendation.ts";
import { machineJson } from "./reservation_json.ts";
import type { RunEventJson } from "./schema/event.ts";

/** An event of a run as `run --json` prints it, in a line. */
export function eventJson(event: RunEvent): RunEventJson {
  if (event.event !== "validation") return event;
  const { validation } = event;
  const recommendations = validation.recommendations.map((one) =>
    recommendationJson(one, validation)
  );
  return {
    ...event,
    validation: { ...validation, memory: machineJson(validation.memory), recommendations },
  };
}
