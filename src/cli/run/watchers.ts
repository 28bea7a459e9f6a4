import { defined } from "../../budget/defined.ts";
import { loadModule } from "../../load_module.ts";
import type { Progress } from "../terminal/progress.ts";
import type { Page } from "../../page/open_page.ts";
import type { Screen } from "../../screen/open_screen.ts";
import type { Watched } from "../../view/view_event.ts";

/** A terminal's line of progress, with a package that whoever prints to a pipe has no use for. */
export async function openProgress(mayDraw: () => boolean): Promise<Progress> {
  const { openProgress } = await loadModule<typeof import("../terminal/progress.ts")>(
    import.meta,
    "../terminal/progress.ts",
  );
  return openProgress(mayDraw);
}

/** The screen of a run or a replay, on this terminal; without colour where `noColor` says so. */
export async function openScreen(
  watched: Watched,
  { noColor, pageUrl }: { readonly noColor: boolean; readonly pageUrl?: string },
): Promise<Screen> {
  const { openScreen } = await loadModule<typeof import("../../screen/open_screen.ts")>(
    import.meta,
    "../../screen/open_screen.ts",
  );
  return openScreen({ ...watched, ...(noColor ? { color: false } : {}), ...defined({ pageUrl }) });
}

/** Serves the page of a run or a replay, and says where. */
export async function openPage(
  typed: string | true,
  watched: Watched,
  say: (text: string) => void,
): Promise<Page> {
  const { openPage } = await loadModule<typeof import("../../page/open_page.ts")>(
    import.meta,
    "../../page/open_page.ts",
  );
  const { readPageAddress } = await loadModule<typeof import("../../page/address.ts")>(
    import.meta,
    "../../page/address.ts",
  );
  const page = await openPage({
    address: readPageAddress(typed === true ? "" : typed),
    ...watched,
  });
  if (page.readUrl !== undefined) say(`Page: ${page.readUrl}\n`);
  say(`Page with its buttons: ${page.controlUrl}\n`);
  return page;
}
