import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { checkAvailableMemoryBeforeLoad } from "../../src/budget/preflight.ts";
import { preflightText } from "../../src/report/preflight_text.ts";
import { footprint, machine } from "../budget/cases.ts";
import { assertGolden } from "../golden.ts";

Deno.test("preflight text: refused, warned of, and fine", async () => {
  const table = [["refused", 6.5], ["warning", 7.5], ["ok", 12]] as const;
  for (const [name, availableGb] of table) {
    const result = checkAvailableMemoryBeforeLoad({
      footprint: footprint(1.2, 5.4),
      memory: machine(32, availableGb),
      policy: DEFAULT_POLICY,
    });
    await assertGolden(`preflight-${name}`, preflightText(result));
  }
});
