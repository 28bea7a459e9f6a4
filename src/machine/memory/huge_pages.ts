import { sum } from "../../budget/sum.ts";
import { type MachineFiles, textOf } from "../machine_files.ts";

/**
 * Bytes set aside as huge pages of every size, from the kernel's folder of them: the machine's
 * (/sys/kernel/mm/hugepages) or a memory node's. 0 where the kernel has none.
 */
export function hugePageBytesBelow(files: MachineFiles, folder: string): number {
  return sum(
    files.subfolders(folder).map((name) => {
      const kilobytes = Number(/^hugepages-(\d{1,9})kB$/.exec(name)?.[1] ?? 0);
      const pages = Number(
        /^\d{1,12}/.exec(textOf(files, `${folder}/${name}/nr_hugepages`) ?? "0"),
      );
      return kilobytes * 1024 * pages;
    }),
  );
}
