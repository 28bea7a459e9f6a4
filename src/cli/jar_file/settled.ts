import { defined } from "../../budget/defined.ts";
import { BrainjarError } from "../../budget/error.ts";
import { formatSize } from "../../budget/size.ts";
import type { JobJar } from "../../job_files/job.ts";
import type { Settings } from "../../plan/settings.ts";
import { typedCacheType } from "../flags/table.ts";
import { ONE_RUN } from "./limits.ts";
import { isPromptFile } from "./read.ts";
import type { JarFile } from "./schema.ts";

/**
 * A jar file with all that was settled of these jars, so that it needs no other file: prompts and what
 * it extended are in it.
 *
 * @throws {BrainjarError} kind `usage`: `jar-file-too-large`
 *
 * @param there the jars in the same order, for where their models lie
 */
export function settledJarFile({ jars, policy }: Settings, there: readonly JobJar[]): string {
  const file: JarFile = {
    jars: jars.map((jar, at) => {
      const { id, role, prompt, ramLimitBytes, sampling = {}, context } = jar;
      const { contextSize, batchSize, flashAttention, mmap, kvCacheType, gpuLayers } = context;
      return {
        name: id,
        role,
        ...defined({
          model: there[at]?.model,
          ramLimit: ramLimitBytes === undefined ? undefined : formatSize(ramLimitBytes),
          contextSize,
          // A line that ends as a file's name does would be taken for one.
          prompt: prompt !== undefined && isPromptFile(prompt) ? `\n${prompt}` : prompt,
        }),
        batchSize,
        flashAttention,
        mmap,
        kvCacheType: typedCacheType(kvCacheType),
        gpuLayers,
        ...Object.keys(sampling).length > 0 && { sampling },
      };
    }),
    policy: {
      safetyMargin: policy.safetyMarginPercent,
      allocationHeadroom: formatSize(policy.allocationHeadroomBytes),
      loadHeadroom: formatSize(policy.loadHeadroomBytes),
      criterion: policy.criterion,
      shareWeights: policy.shareWeights,
    },
  };
  const text = `${JSON.stringify(file, null, 2)}\n`;
  if (new TextEncoder().encode(text).length <= ONE_RUN.bytes) return text;
  throw new BrainjarError(
    "jar-file-too-large",
    `The jars and their prompts have more than ${ONE_RUN.bytes} bytes`,
    { hint: "Shorten the prompts: all of them come with the job in one jar file" },
  );
}
