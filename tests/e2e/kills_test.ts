import { assertEquals } from "@std/assert";
import { CAUSES, faultsOf, killJars } from "./kill_jars.ts";

// Three of the kills that tests/bench/kills.ts does fifty of: moments and victims are drawn by the seed.

const SEED = 19;

Deno.test({
  name: `kills: jars that are killed at random moments die of it and come back (seed ${SEED})`,
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const run = await killJars({
      seed: SEED,
      kills: [
        { signal: "SIGABRT", moment: "admission" },
        { signal: "SIGKILL", moment: "thinking" },
        { signal: "SIGSEGV", moment: "return" },
      ],
    });
    assertEquals(faultsOf(run), []);
    assertEquals(
      run.kills.map(({ told }) => told["cause"]),
      run.kills.map(({ signal }) => CAUSES[signal]),
    );
  },
});
