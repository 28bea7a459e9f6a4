import { drawn, element, meter, setText } from "./dom.js";
import { amount, clock, modelName, startedWords, voiceOf } from "./format.js";
import { plotOf } from "./plot.js";

/** A plot's pixels from top to bottom. */
const HEIGHT = 132;

/**
 * The machine's pools, shared weights, pressure, and who would die next.
 *
 * @param {any} place
 */
export function machinePanel(place) {
  const pools = element("div", { class: "pools" });
  const facts = element("ul", { class: "facts" });
  place.append(pools, facts);
  /** @type {Map<string, ReturnType<typeof meter> & { more: any }>} */
  const bars = new Map();
  /** @type {any} */
  let before = {};
  return (/** @type {any} */ state) => {
    if (state.pools !== before.pools) {
      for (const pool of state.pools) {
        let bar = bars.get(pool.id);
        if (bar === undefined) {
          bar = {
            ...meter(pool.kind === "ram" ? "RAM" : pool.id),
            more: element("p", { class: "meter-more" }),
          };
          bars.set(pool.id, bar);
          pools.append(bar.node, bar.more);
        }
        bar.show({
          value: pool.totalBytes - pool.freeBytes,
          most: pool.totalBytes,
          mark: pool.totalBytes - pool.leastBytes,
          words: `${amount(pool.freeBytes)} free of ${amount(pool.totalBytes)}`,
        });
        setText(
          bar.more,
          `${amount(pool.reservedBytes)} reserved by this run; under ${
            amount(pool.leastBytes)
          } free a jar is asked to die`,
        );
      }
    }
    const others = elsewhere(state.jars);
    if (
      state.shared !== before.shared || state.pressurePercent !== before.pressurePercent ||
      state.next !== before.next || others !== before.others
    ) {
      const lines = [
        ...(others === "" ? [] : [["Elsewhere", others]]),
        ...state.shared.map((/** @type {any} */ { model, ids, bytes }) => [
          "Shared",
          `${amount(bytes)} in memory once for ${ids.join(", ")}: ${
            modelName(model)
          } and the program`,
        ]),
        [
          "Memory pressure",
          state.pressurePercent === undefined ? "unknown" : `${state.pressurePercent.toFixed(1)} %`,
        ],
        [
          "Next to die",
          state.next === undefined ? "nobody" : `${state.next.id}: ${state.next.why}`,
        ],
      ];
      facts.replaceChildren(
        ...lines.map(([label, text]) =>
          element(
            "li",
            {},
            element("span", { class: "fact-label" }, label),
            element("span", {}, text),
          )
        ),
      );
    }
    before = { ...state, others };
  };
}

/**
 * What jars have reserved of other machines than the one whose pools are shown; nothing where none has.
 *
 * @param {readonly any[]} jars
 */
function elsewhere(jars) {
  const others = jars.filter(({ place, reservedBytes }) =>
    place !== undefined && !place.isHere && reservedBytes > 0
  );
  return others.map(({ id, place, reservedBytes }) =>
    `${amount(reservedBytes)} reserved for ${id} ${startedWords(place)}`
  ).join("; ");
}

/**
 * Memory over time, a plot for each jar.
 *
 * @param {any} place
 */
export function memoryPlots(place) {
  /** @type {Map<string, { figure: any, frame: any, shown: any[] }>} */
  const plots = new Map();
  /** @type {any} */
  let last;
  new ResizeObserver(() => last && show(last)).observe(place);

  /** @param {any} state */
  function show(state) {
    last = state;
    const width = Math.max(
      240,
      Math.round(plots.values().next().value?.frame.clientWidth ?? place.clientWidth),
    );
    for (const jar of state.jars) {
      let plot = plots.get(jar.id);
      if (plot === undefined) {
        const frame = element("div", { class: "plot-frame" });
        const figure = element(
          "figure",
          { "data-voice": voiceOf(jar, state.jars) },
          element("figcaption", {}, jar.id),
          frame,
        );
        plot = { figure, frame, shown: [] };
        plots.set(jar.id, plot);
        place.append(figure);
      }
      // A jar's points change with each look at memory; its words many times in between.
      const seen = [jar.memory, jar.limitBytes, jar.reservedBytes, state.lives, width];
      if (seen.every((one, index) => one === plot?.shown[index])) continue;
      plot.shown = seen;
      plot.frame.replaceChildren(drawn(plotOf(dataOf(jar, state, width))));
    }
  }
  return show;
}

/** @param {any} jar @param {any} state @param {number} width */
function dataOf(jar, state, width) {
  const marks = state.lives
    .filter((/** @type {any} */ { id, death }) => id === jar.id && death !== undefined)
    .map((/** @type {any} */ { number, death }) => ({
      at: death.at,
      label: `Death ${number} at ${clock(death.at)}: ${death.message}`,
    }));
  return {
    label: `Memory of ${jar.id}`,
    points: jar.memory.points,
    ...(jar.limitBytes === undefined ? {} : { limit: { label: "limit", value: jar.limitBytes } }),
    ...(jar.reservedBytes > 0 ? { reserved: { label: "reserved", value: jar.reservedBytes } } : {}),
    marks,
    formatValue: amount,
    formatTime: clock,
    width,
    height: HEIGHT,
  };
}

/**
 * Lives that are over, and what happened.
 *
 * @param {any} lives rows of a table
 * @param {any} happenings a list
 */
export function records(lives, happenings) {
  /** @type {any} */
  let before = {};
  return (/** @type {any} */ state) => {
    if (state.lives !== before.lives) {
      lives.replaceChildren(
        ...state.lives.toReversed().map((/** @type {any} */ life) =>
          element(
            "tr",
            { "data-voice": voiceOf(life, state.jars) },
            element("th", { scope: "row" }, `${life.id} ${life.number}`),
            element("td", { class: "figure" }, String(life.turns)),
            element("td", { class: "figure" }, String(life.tokens)),
            element(
              "td",
              { class: "figure" },
              clock((life.death?.at ?? life.bornAt) - life.bornAt),
            ),
            element("td", {}, life.death?.message ?? ""),
          )
        ),
      );
    }
    if (state.happenings !== before.happenings) {
      happenings.replaceChildren(
        ...state.happenings.toReversed().map((/** @type {any} */ one) =>
          element(
            "li",
            { "data-kind": one.kind },
            element("span", { class: "happening-when" }, clock(one.at)),
            element("span", { class: "happening-text" }, one.text),
          )
        ),
      );
    }
    before = state;
  };
}
