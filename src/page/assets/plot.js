import { counted } from "./format.js";

/**
 * An element of an SVG as data: its name, attributes and content.
 *
 * @typedef {readonly [name: string, attributes: Readonly<Record<string, string | number>>, ...content: (Shape | string)[]]} Shape
 *
 * @typedef {object} PlotData
 * @property {string} label what it is, for who doesn't see it
 * @property {readonly { readonly at: number, readonly value: number }[]} points
 * @property {{ readonly label: string, readonly value: number }} [limit] drawn across
 * @property {{ readonly label: string, readonly value: number }} [reserved] drawn across, lightly
 * @property {readonly { readonly at: number, readonly label: string }[]} marks moments, such as deaths
 * @property {readonly [from: number, to: number]} [span] of time; that of the points if absent
 * @property {(value: number) => string} formatValue
 * @property {(at: number) => string} formatTime
 * @property {number} width in pixels
 * @property {number} height
 */

const LEFT = 58;
const RIGHT = 8;
const TOP = 16;
const BOTTOM = 20;

/** Of marks at the same place one is enough. */
const LEAST_PIXELS_BETWEEN_MARKS = 7;

/**
 * A figure over time against its limit, as the elements of an SVG.
 *
 * @param {PlotData} data
 * @returns {Shape}
 */
export function plotOf(data) {
  const { points, limit, reserved, width, height, formatValue, formatTime } = data;
  const [from, to] = data.span ?? [points[0]?.at ?? 0, points.at(-1)?.at ?? 0];
  const values = points.map(({ value }) => value);
  const highest = Math.max(1, limit?.value ?? 0, reserved?.value ?? 0, ...values) * 1.06;
  /** @param {number} at */
  const x = (at) =>
    round(LEFT + (width - LEFT - RIGHT) * (to > from ? (at - from) / (to - from) : 0));
  /** @param {number} value */
  const y = (value) => round(TOP + (height - TOP - BOTTOM) * (1 - value / highest));
  const floor = y(0);
  const line = points.map(({ at, value }) => `${x(at)} ${y(value)}`).join(" L ");
  const first = points[0];
  const last = points.at(-1);
  return [
    "svg",
    {
      class: "plot",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-label": spoken(data),
    },
    ["line", { class: "plot-grid", x1: LEFT, x2: width - RIGHT, y1: floor, y2: floor }],
    ...across(reserved, "reserved", y, width),
    ...across(limit, "limit", y, width),
    ...(first && last
      ? /** @type {Shape[]} */ ([
        ["path", {
          class: "plot-area",
          d: `M ${x(first.at)} ${floor} L ${line} L ${x(last.at)} ${floor} Z`,
        }],
        ["path", { class: "plot-line", d: `M ${line}` }],
      ])
      : []),
    ...marks(data, from, to, x).flatMap(({ at, label }) => /** @type {Shape[]} */ ([
      ["line", { class: "plot-mark", x1: at, x2: at, y1: TOP, y2: floor }],
      ["text", { class: "plot-death", x: at, y: TOP - 3, "text-anchor": "middle" }, "†", [
        "title",
        {},
        label,
      ]],
    ])),
    ["text", { class: "plot-text", x: LEFT - 6, y: floor + 4, "text-anchor": "end" }, "0"],
    ...labelsAtLeft(data, y, formatValue),
    ["text", { class: "plot-text", x: LEFT, y: height - 4 }, formatTime(from)],
    [
      "text",
      { class: "plot-text", x: width - RIGHT, y: height - 4, "text-anchor": "end" },
      formatTime(to),
    ],
  ];
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}

/**
 * @param {PlotData["limit"]} bound
 * @param {string} kind
 * @param {(value: number) => number} y
 * @param {number} width
 * @returns {Shape[]}
 */
function across(bound, kind, y, width) {
  if (bound === undefined) return [];
  const at = y(bound.value);
  return [["line", { class: `plot-${kind}`, x1: LEFT, x2: width - RIGHT, y1: at, y2: at }]];
}

/**
 * The limit's amount, or the reservation's, and the newest figure where there is room beside it.
 *
 * @param {PlotData} data
 * @param {(value: number) => number} y
 * @param {(value: number) => string} formatValue
 * @returns {Shape[]}
 */
function labelsAtLeft({ limit, reserved, points }, y, formatValue) {
  const bound = limit ?? reserved;
  const now = points.at(-1);
  /** @type {Shape[]} */
  const labels = [];
  if (bound) {
    const name = limit ? "plot-text plot-text-limit" : "plot-text";
    labels.push([
      "text",
      { class: name, x: LEFT - 6, y: y(bound.value) + 4, "text-anchor": "end" },
      formatValue(bound.value),
    ]);
  }
  const isClear = now && Math.abs(y(now.value) - y(0)) > 14 &&
    (!bound || Math.abs(y(now.value) - y(bound.value)) > 14);
  if (isClear) {
    labels.push(["text", {
      class: "plot-text",
      x: LEFT - 6,
      y: y(now.value) + 4,
      "text-anchor": "end",
    }, formatValue(now.value)]);
  }
  return labels;
}

/**
 * @param {PlotData} data
 * @param {number} from
 * @param {number} to
 * @param {(at: number) => number} x
 */
function marks(data, from, to, x) {
  let last = -Infinity;
  return data.marks.filter(({ at }) => at >= from && at <= to).flatMap(({ at, label }) => {
    const place = x(at);
    if (place - last < LEAST_PIXELS_BETWEEN_MARKS) return [];
    last = place;
    return [{ at: place, label }];
  });
}

/** @param {PlotData} data */
function spoken({ label, points, limit, reserved, marks, formatValue, formatTime }) {
  const last = points.at(-1);
  const first = points[0];
  if (!first || !last) return `${label}: nothing yet`;
  const most = points.reduce((most, { value }) => Math.max(most, value), 0);
  const bound = limit ?? reserved;
  return [
    `${label} over ${formatTime(last.at - first.at)}: now ${formatValue(last.value)}`,
    `at most ${formatValue(most)}`,
    ...(bound ? [`${bound.label} ${formatValue(bound.value)}`] : []),
    ...(marks.length === 0 ? [] : [counted(marks.length, "death")]),
  ].join(", ");
}
