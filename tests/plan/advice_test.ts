import { assertEquals } from "@std/assert";
import { followAdvice, openAdviceHost, writeModels } from "../bench/advice.ts";

/** Of tests/bench/advice.ts, which goes on for as long as it is told. */
const SEED = 20261126;
const MACHINES = 60;

Deno.test(`advice holds when followed to the letter, typed as it is printed (seed ${SEED})`, async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-advice-" });
  await using host = openAdviceHost();
  try {
    const models = await writeModels(folder);
    let followed = 0;
    for (let index = 0; index < MACHINES; index++) {
      const one = await followAdvice(host, models, SEED + index);
      assertEquals(one.problems, []);
      followed += one.followed;
    }
    assertEquals(followed > MACHINES, true, `${followed} answers`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
