import { assert, assertEquals } from "@std/assert";
import { named, play } from "./stage.ts";

Deno.test("matrix: all are admitted first, then think, note and whisper, and give all back", async () => {
  const { result, events, engine } = await play();
  assertEquals(result.reason, "turns");
  assertEquals(result.exitCode, 0);
  assertEquals(result.turns, 3);
  assertEquals(events[0]?.event, "validation");
  assertEquals(events.at(-1), result);
  assertEquals(named(events, "allocated").map((event) => event.id), ["subject", "observer", "god"]);
  assertEquals(named(events, "loaded").map((event) => event.shared), [false, true, true]);
  assertEquals(named(events, "thought").length, 9);
  assertEquals(named(events, "note").length, 3);
  assertEquals(named(events, "whisper").length, 3);
  const names = events.map((event) => event.event);
  assert(
    names.lastIndexOf("loaded") < names.indexOf("thought"),
    "Admitted before the first thought",
  );
  assertEquals(engine.counts.load, 1);
  assertEquals([engine.minds, engine.models, engine.orphans], [0, 0, 0]);
  assertEquals(result.reservedBytes, 0);
  assertEquals(result.allocationReport?.jars.length, 3);
  assertEquals(result.givenBackBytes, result.allocationReport?.allocatedBytes);
});
