import { assertEquals } from "@std/assert";
import type { InstanceDemand, Role } from "../../src/budget/demand.ts";
import { GB, MB } from "../../src/budget/size.ts";
import { JARS_OF_MODE, leastImportantFirst } from "../../src/experiment/roles.ts";
import { judgeMemory, ownMemoryBytes } from "../../src/experiment/memory/judge_memory.ts";

function jar(id: string, role: Role, limit?: number, model = "a.gguf"): InstanceDemand {
  const shared = { floorBytes: 40, workingSetBytes: 40 };
  return {
    id,
    role,
    model,
    ...(limit === undefined ? {} : { ramLimitBytes: limit }),
    footprint: { floorBytes: 50, workingSetBytes: 50, shared },
  };
}

const subject = jar("subject", "subject");
const observer = jar("observer", "observer");
const god = jar("god", "god");

function judge(
  jars: readonly InstanceDemand[],
  available: number,
  extra: { own?: number; reserved?: number; total?: number } = {},
) {
  const sentence = judgeMemory(
    {
      ownAnonymousBytes: extra.own,
      memory: {
        totalBytes: extra.total ?? 8 * GB,
        availableBytes: available,
        reservedBytes: extra.reserved ?? 0,
        sources: [],
        warnings: [],
      },
    },
    jars,
    true,
  );
  return sentence && `${sentence.id}: ${sentence.cause}`;
}

Deno.test("watch: the limits are strict, the least important goes", () => {
  const all = [subject, observer, god];
  const total = 100 * GB;
  assertEquals(judge(all, 500 * MB, { total }), undefined);
  assertEquals(judge(all, 500 * MB - 1, { total }), "god: available-memory");
  assertEquals(judge([subject, observer], 1), "observer: available-memory");
  assertEquals(judge([subject], 1), "subject: available-memory");
  assertEquals(judge([], 1), undefined);
  assertEquals(judge(all, 0, { total, reserved: 500 * MB }), undefined);
  // 5 % of a smaller total.
  assertEquals(judge(all, 20 * MB, { total: 400 * MB }), undefined);
  assertEquals(judge(all, 20 * MB - 1, { total: 400 * MB }), "god: available-memory");
});

Deno.test("watch: the jar furthest over its own limit goes, whatever its role", () => {
  const greedy = [jar("subject", "subject", 60), observer, jar("god", "god", 65)];
  assertEquals(judge(greedy, GB, { own: 80 }), undefined);
  assertEquals(judge(greedy, GB, { own: 81 }), "subject: ram-limit");
  assertEquals(judge(greedy, GB, { own: 90 }), "subject: ram-limit");
  assertEquals(judge(greedy, GB, {}), undefined);
});

Deno.test("watch: a jar's own memory is what the others don't explain", () => {
  const own = (
    jar: InstanceDemand,
    living: readonly InstanceDemand[],
    bytes: number,
    share = true,
  ) => ownMemoryBytes(jar, living, bytes, share);
  assertEquals(own(subject, [subject], 70), 70);
  assertEquals(own(subject, [subject, god], 70), 60);
  assertEquals(own(subject, [subject, god], 70, false), 20);
  assertEquals(own(subject, [subject, jar("god", "god", undefined, "b.gguf")], 70), 20);
  assertEquals(own(subject, [subject, god], 5), 0);
});

Deno.test("roles: god, observer, subject; of two peers the later one", () => {
  const ids = (jars: readonly { id: string; role: Role }[]) =>
    leastImportantFirst(jars).map(({ id }) => id);
  assertEquals(ids(JARS_OF_MODE.matrix), ["god", "observer", "subject"]);
  assertEquals(ids(JARS_OF_MODE.peer), ["peer_b", "peer_a"]);
});
