import { formatAmount } from "../../budget/size.ts";
import type { InstancePlace, Validation } from "../../budget/validation.ts";
import { askedElsewhere, askedWords, elsewhere, livesWords, placeIn } from "./places.ts";

type Row = [label: string, value: string | undefined];

/** Which jars live where, for the head of a report. */
export function whoLivesWhere({ places = [] }: Validation): Row[] {
  const named = (wanted: (place: InstancePlace) => boolean) => {
    const ids = places.filter(wanted).map(({ id, launcher }) =>
      launcher === undefined ? id : `${id} (${launcher})`
    );
    return ids.length === 0 ? undefined : ids.join(", ");
  };
  return [
    ["In the run's process", named(({ launcher }) => launcher === undefined)],
    ["In processes here", named((one) => one.launcher !== undefined && one.isHere)],
    ["Elsewhere", named(({ isHere }) => !isHere)],
  ];
}

/** Where a jar lives and what it asks for there. */
export function placeRows(validation: Validation, id: string): Row[] {
  const place = placeIn(validation, id);
  if (place === undefined) return [];
  const isAsked = place.launcher !== undefined;
  return [
    ["Lives", livesWords(place)],
    ["Asked for", isAsked ? askedWords(place) : undefined],
  ];
}

/** What of this machine's budget is asked for where nothing of it is. */
export function budgetRows(validation: Validation): Row[] {
  const { memory, usableBytes } = validation;
  return [
    ["Required here", "nothing: no jar takes this machine's memory"],
    ["Safe threshold", formatAmount(usableBytes)],
    ["Currently available", formatAmount(memory.availableBytes)],
  ];
}

/** What is asked for on other machines. */
export function elsewhereRows(validation: Validation): Row[] {
  const places = elsewhere(validation);
  return [["Asked for elsewhere", places.length === 0 ? undefined : askedElsewhere(places)]];
}

/** What a pass means for jars that this machine doesn't judge. */
export function passedElsewhere(validation: Validation): string[] {
  const names = elsewhere(validation).map(({ id }) => `'${id}'`).join(", ");
  return names === "" ? [] : [`Layers 2 and 3 judge ${names} where each is started`];
}
