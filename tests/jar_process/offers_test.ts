import { assertEquals, assertRejects } from "@std/assert";
import { GB, MB } from "../../src/budget/size.ts";
import type { Issue } from "../../src/budget/validation.ts";
import {
  askOffers,
  offerIssue,
  offersWords,
  readOffers,
} from "../../src/jar_process/launchers/offers.ts";
import { LAUNCHERS } from "../../src/jar_process/launchers/table.ts";
import { issueMessage } from "../../src/report/message.ts";

// What a scheduler says that it has is asked before anything starts.

const SINFO = `node1|600Mi|(null)
node1|600Mi|(null)
node2|300Mi|gpu:1
node3|257000Mi|gpu:a100:4(S:0-1),shard:8
node4|n/aMi|
`;

const KUBECTL = `one|16393244Ki||
two|8G|2|
three|4294967296|0|
control|64Gi||true
`;

Deno.test("offers: a machine of several partitions is one, and a line without an amount is none", () => {
  assertEquals(readOffers(SINFO), [
    { name: "node1", memoryBytes: 600 * MB, gpus: 0 },
    { name: "node2", memoryBytes: 300 * MB, gpus: 1 },
    { name: "node3", memoryBytes: 257_000 * MB, gpus: 4 },
  ]);
  assertEquals(readOffers("sinfo: error: a|b\n"), []);
});

Deno.test("offers: Kubernetes' amounts are in its own units", () => {
  assertEquals(readOffers(KUBECTL), [
    { name: "one", memoryBytes: 16_393_244 * 1024, gpus: 0 },
    { name: "two", memoryBytes: 8e9, gpus: 2 },
    { name: "three", memoryBytes: 4 * GB, gpus: 0 },
  ]);
});

Deno.test("offers: a launcher's words that choose among machines choose there too", () => {
  const slurm = LAUNCHERS.find(({ name }) => name === "slurm")?.offers;
  if (slurm === undefined) throw new Error("Slurm offers machines");
  const words = ["--partition=long", "--time=60", "-p", "short", "--exclusive", "-M", "other"];
  const chosen = ["--partition=long", "-p", "short", "-M", "other"];
  assertEquals(offersWords(slurm, words), [...slurm.command, ...chosen]);
});

Deno.test("offers: what no machine has is refused with the largest that there is", () => {
  const machines = readOffers(SINFO);
  const ask = (memoryBytes: number, gpus = 0) => () =>
    offerIssue({ id: "god", memoryBytes, gpus }, "slurm", machines);
  assertEquals(ask(257_000 * MB)(), undefined);
  assertEquals(ask(300 * MB, 1)(), undefined);
  const refused = (ask: () => Issue | undefined) => {
    const issue = ask();
    return issue && issueMessage(issue);
  };
  assertEquals(
    refused(ask(257_001 * MB)),
    "'god' asks slurm for 250.98 GB, 1.00 MB more than its largest machine has (node3: 250.98 GB)",
  );
  assertEquals(
    refused(ask(MB, 5)),
    "'god' asks slurm for 1.00 MB with 5 devices, and none of its machines has as many",
  );
  assertEquals(
    refused(() => offerIssue({ id: "god", memoryBytes: MB, gpus: 0 }, "slurm", [])),
    "'god' asks slurm for 1.00 MB, which offers no machine",
  );
});

Deno.test("offers: a scheduler that fails says why", async () => {
  const sh = (line: string) => askOffers({ command: ["sh", "-c", line], choosing: [] }, []);
  assertEquals(await sh("echo 'a|1Gi|'"), [{ name: "a", memoryBytes: GB, gpus: 0 }]);
  await assertRejects(() => sh("echo Unable to contact controller >&2; exit 1"), Error, "contact");
  await assertRejects(() => sh("exit 1"), Error, "sh didn't answer");
});
