import type { InstancePlace, Validation } from "../../../src/budget/validation.ts";
import type { EndEvent } from "../../../src/experiment/events.ts";
import type { ValidationReport } from "../../../src/report/validation_report.ts";
import { gb, jar, machine, validate } from "../../budget/cases.ts";
import { MODEL_FOOTPRINT, reportOn } from "../cases.ts";

const FIGURES = {
  model: "/models/brain.gguf",
  requestBytes: gb(5.4),
  floorBytes: gb(1.2),
  workingSetBytes: gb(5.4),
};

const SUBJECT: InstancePlace = {
  id: "subject",
  role: "subject",
  ...FIGURES,
  launcher: "slurm",
  isHere: false,
  limitBytes: gb(5.5),
  devices: [{ id: "cuda:0", requiredBytes: gb(4) }],
};
const OBSERVER: InstancePlace = {
  id: "observer",
  role: "observer",
  ...FIGURES,
  launcher: "process",
  isHere: true,
};
const GOD: InstancePlace = { id: "god", role: "god", ...FIGURES, isHere: true };

const jarOf = ({ id }: InstancePlace) => jar(id, { footprint: MODEL_FOOTPRINT });

/** One jar on each kind of place. */
export const MIXED: Validation = {
  ...validate([OBSERVER, GOD].map(jarOf), machine(64), {}, "matrix"),
  places: [SUBJECT, OBSERVER, GOD],
};

const NOTHING_HERE = validate([], machine(64), { shareWeights: false }, "matrix");

/** All jars on other machines. */
export const ELSEWHERE: Validation = {
  ...NOTHING_HERE,
  places: [SUBJECT, { ...OBSERVER, launcher: "ssh lab", isHere: false }].concat(
    { ...GOD, launcher: "slurm", isHere: false, limitBytes: gb(5.5) },
  ),
};

/** What a scheduler doesn't have. */
export const NOT_OFFERED: Validation = {
  ...ELSEWHERE,
  ok: false,
  verdict: "fail",
  issues: [{
    code: "no-machine-offered",
    id: "subject",
    launcher: "slurm",
    memoryBytes: gb(5.5),
    gpus: 1,
    machines: 2,
    largest: { name: "node2", memoryBytes: gb(4) },
  }],
};

/** A report on jars of which some aren't judged here. */
export function placedReport(validation: Validation): ValidationReport {
  const { places = [] } = validation;
  const [known] = reportOn(validate([jarOf(SUBJECT)], machine(64))).instances;
  return {
    ...reportOn(validation),
    instances: places.flatMap(({ id }) => known === undefined ? [] : [{ ...known, id }]),
  };
}

/** What was seen last of two of them. */
export const PROCESSES: NonNullable<EndEvent["processes"]> = [
  {
    ...{ id: "subject", launcher: "slurm", host: "node\u001b1", job: "slurm:151", isHere: false },
    ...{ limitBytes: gb(5.5), requestBytes: gb(5.4), floorBytes: gb(1.2) },
    ...{ workingSetBytes: gb(5.4), heldBytes: gb(1), mostHeldBytes: gb(1.1) },
    pools: [{ id: "ram", reservedBytes: gb(5.4), residentBytes: gb(5) }],
  },
  {
    ...{ id: "observer", launcher: "process", isHere: true },
    ...{ requestBytes: gb(5.4), floorBytes: gb(1.2), workingSetBytes: gb(5.4) },
    pools: [{ id: "ram", reservedBytes: gb(5.4), residentBytes: gb(5) }],
  },
];
