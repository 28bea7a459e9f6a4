import { assertEquals } from "@std/assert";
import { live, loadOf } from "../../bench/slurm_job.ts";
import { readLauncher } from "../../../src/jar_process/launchers/read_launcher.ts";
import { limitOf } from "../../../src/jar_process/launchers/asked_of.ts";
import { DEMO_BRAIN } from "../program.ts";
import { slurmTest } from "./slurm_run.ts";

const MIB = 1024 ** 2;

slurmTest(
  "a jar lives in the limit that is asked for, and not in 5 % less than its floor",
  async (slurm) => {
    const model = { name: "demo brain", contextSize: 512, mmap: true };
    const load = await loadOf(slurm, DEMO_BRAIN[1] ?? "", model);
    const choice = readLauncher("slurm");
    const asked = (choice && limitOf(choice, load.demand, "floor") || 0) / MIB;
    const short = Math.floor(load.demand.footprint.floorBytes / MIB * 0.95);
    assertEquals(await live(slurm, load, asked), "lived");
    // The kernel's answer, and that of the jar's own layers where they may give it.
    assertEquals(await live(slurm, load, short), "killed");
    assertEquals(await live(slurm, load, short, asked * MIB), "refused");
  },
);
