import { assert, assertEquals } from "@std/assert";
import { GB } from "../../src/budget/size.ts";
import { inRam } from "../budget/cases.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { renderEvent } from "../../src/report/event_text.ts";

const WHO = { id: "subject", role: "subject", turn: 4 } as const;
const PREFLIGHT = {
  ok: true,
  level: "ok",
  ...inRam({
    availableBytes: 12 * GB,
    requiredBytes: 8 * GB,
    headroomBytes: 2 * GB,
    neededBytes: 10 * GB,
    shortBytes: 0,
  }),
  usedPercent: 25,
} as const;
const ALLOCATION = inRam({
  allocatedBytes: 8 * GB,
  totalBytes: 8 * GB,
  usableBytes: 13 * GB,
  remainingBytes: 5 * GB,
});
const THOUGHT = {
  event: "thought",
  ...WHO,
  promptTokens: 9,
  tokens: 5,
  stop: "length",
  contextTokens: 14,
  contextSize: 512,
  seed: 1,
  prompt: "What is there?",
  milliseconds: 20,
} as const;

Deno.test("run: every event as people read it", () => {
  const table: readonly (readonly [RunEvent, string])[] = [
    [{ ...THOUGHT, text: " Rain.\r\n\tAgain. " }, "[subject] turn 4: Rain.\n   Again."],
    [{ ...THOUGHT, text: "" }, "[subject] turn 4: (silence)"],
    [{ ...THOUGHT, text: "Ra", stop: "aborted" }, "[subject] turn 4, cut off: Ra"],
    [{ event: "note", ...WHO, id: "observer", text: "Wet" }, "[observer] note 4: Wet"],
    [
      {
        event: "death",
        ...WHO,
        cause: "ram-limit",
        message: "its memory passed its RAM limit",
        detail: "1.10 GB of its 1.00 GB",
        deaths: 2,
        life: { turns: 3, thoughts: 3, tokens: 15, milliseconds: 60 },
        ...inRam({ givenBackBytes: GB, reservedBytes: 0 }),
      },
      "[subject] died in turn 4: its memory passed its RAM limit (1.10 GB of its 1.00 GB); " +
      "death 2, 1.00 GB given back",
    ],
    [
      {
        event: "resurrection",
        ...WHO,
        deaths: 1,
        cause: "context-full",
        message: "its context was full",
        ...ALLOCATION,
        preflight: PREFLIGHT,
        milliseconds: 3,
      },
      "[subject] resurrected in turn 4 after 1 death: 8.00 GB allocated",
    ],
    [
      {
        event: "loaded",
        ...WHO,
        model: "a.gguf",
        contextSize: 512,
        shared: true,
        milliseconds: 1234,
      },
      "[subject] shares a.gguf: context of 512 tokens, 1.23 s",
    ],
    [
      {
        event: "loaded",
        ...WHO,
        model: "a.gguf",
        contextSize: 512,
        shared: false,
        host: "node\u001b2",
        job: "slurm:151",
        milliseconds: 1234,
      },
      "[subject] loaded a.gguf on node\\u{1b}2 (slurm:151): context of 512 tokens, 1.23 s",
    ],
    [
      {
        event: "loaded",
        ...WHO,
        model: "a.gguf",
        contextSize: 512,
        shared: false,
        launcher: "slurm",
        host: "node2",
        job: "slurm:151",
        milliseconds: 1234,
      },
      "[subject] loaded a.gguf in a process of its own by slurm on node2 (slurm:151): context of " +
      "512 tokens, 1.23 s",
    ],
    [
      {
        event: "allocated",
        ...WHO,
        ...ALLOCATION,
        preflight: PREFLIGHT,
        launcher: "process",
      },
      "ALLOCATION APPROVED for subject in a process of its own by process\n" +
      "  Allocated there:          8.00 GB / 13.00 GB\n" +
      "OK: Sufficient memory available (12.00 GB >= 10.00 GB)",
    ],
    [
      {
        ...{ event: "warning", code: "x", message: "Layer 3 refused 'god'", launcher: "slurm" },
        ...{ host: "node2", job: "slurm:151" },
      },
      "WARNING: Layer 3 refused 'god'\n  In a process of its own by slurm on node2 (slurm:151)",
    ],
    [
      { event: "warning", code: "x", message: "Layer 3 refused 'god'", launcher: "process" },
      "WARNING: Layer 3 refused 'god'\n  In a process of its own by process on this machine",
    ],
    [
      { event: "warning", code: "x", message: "Something is odd", hint: "Look at it" },
      "WARNING: Something is odd\n  Look at it",
    ],
  ];
  for (const [event, text] of table) assertEquals(renderEvent(event), text);
});

Deno.test("run: layers 2 and 3 are printed where they let in, and where they refuse", () => {
  const allowed = renderEvent({ event: "allocated", ...WHO, ...ALLOCATION, preflight: PREFLIGHT });
  assert(allowed.startsWith("ALLOCATION APPROVED for subject\n"));
  assert(allowed.endsWith("\nOK: Sufficient memory available (12.00 GB >= 10.00 GB)"));

  const second = renderEvent({
    event: "warning",
    code: "allocation-refused",
    message: "Layer 2 refused 'god'",
    allocation: {
      ok: false,
      id: "god",
      reason: "exceeds-budget",
      requestedBytes: 12 * GB,
      totalAfterBytes: 30 * GB,
      usableBytes: 27 * GB,
      excessBytes: 3 * GB,
    },
  });
  assert(second.includes("\nALLOCATION FAILED: Would exceed safe memory budget\n"));
  const third = renderEvent({
    event: "warning",
    code: "load-refused",
    message: "Layer 3 refused 'god'",
    preflight: {
      ...PREFLIGHT,
      ok: false,
      level: "refused",
      pools: PREFLIGHT.pools.map((pool) => ({ ...pool, shortBytes: GB })),
    },
  });
  assert(third.includes("\nINSUFFICIENT MEMORY for model load\n"));
});

Deno.test("run: the end shows the allocation report and that nothing is reserved", () => {
  const text = renderEvent({
    event: "end",
    reason: "turns",
    exitCode: 0,
    seed: 7,
    turns: 3,
    thoughts: 9,
    tokens: 72,
    deaths: 1,
    resurrections: 0,
    milliseconds: 1500,
    allocationReport: {
      ...inRam({
        totalBytes: 16 * GB,
        usedPercent: 20,
        usableBytes: 13 * GB,
        allocatedBytes: GB,
        remainingBytes: 12 * GB,
      }),
      jars: [{ id: "subject", ...inRam({ allocatedBytes: GB }), modelBytes: GB, model: "a.gguf" }],
    },
    ...inRam({ givenBackBytes: GB, reservedBytes: 0 }),
  });
  assert(text.includes("subject  1.00 GB (model: 1.00 GB)"));
  assert(text.endsWith(
    "Run ended as asked: 3 turns, 9 thoughts, 72 tokens, 1 death, 0 resurrections, 1.50 s\n" +
      "Given back: 1.00 GB; still reserved: 0 bytes",
  ));
});

Deno.test("run: nothing a model says moves the cursor", () => {
  const text = renderEvent({ ...THOUGHT, text: "a\u001b[2J\u0007\u202eb\rc" });
  // deno-lint-ignore no-control-regex
  assert(!/[\u0000-\u0009\u000b-\u001f\u202e]/.test(text), JSON.stringify(text));
});
