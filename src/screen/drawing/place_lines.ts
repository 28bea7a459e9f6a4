import { formatAmount } from "../../budget/size.ts";
import { askedWords } from "../../report/places/places.ts";
import { heldWords, startedWords } from "../../report/places/process_text.ts";
import { isDead, type JarView, type PlaceView } from "../../view/run_view.ts";
import { cellsOf, fit } from "./cells.ts";
import { FAINT, type Line, span } from "./styled.ts";

/** What a living jar's process holds; nothing where that isn't known. */
function heldBy({ place, state }: JarView): Pick<PlaceView, "heldBytes"> {
  const { heldBytes } = place ?? {};
  return heldBytes === undefined || isDead({ state }) ? {} : { heldBytes };
}

/** What started a jar's process, where, and what that holds: as much of it as there are cells for. */
export function placeWords(jar: JarView, cells: number): string {
  const { place } = jar;
  if (place?.launcher === undefined) return "";
  const { heldBytes } = heldBy(jar);
  const { job: _, ...nearly } = place;
  const { host: __, ...least } = nearly;
  const where = startedWords(place);
  return [
    ...heldBytes === undefined ? [] : [`${where}, holds ${formatAmount(heldBytes)}`],
    ...[where, startedWords(nearly), startedWords(least)],
  ].find((text) => cellsOf(text) <= cells) ?? "";
}

/** The same in a pane, where a jar has two lines for it. */
export function placeLines(jar: JarView, cells: number): Line[] {
  const { place } = jar;
  if (place === undefined) return [];
  const held = heldBy(jar);
  const texts = place.launcher === undefined ? ["in the run's process"] : [
    startedWords(place),
    held.heldBytes === undefined ? askedWords(place) : heldWords({ ...place, ...held }),
  ];
  return texts.map((text) => [span(fit(text, cells), FAINT)]);
}
