import { formatAmount } from "../../budget/size.ts";
import { voiceOf } from "../../page/assets/format.js";
import { clockText } from "../../view/clock_text.ts";
import { plotOf } from "../../page/assets/plot.js";
import type { JarView } from "../../view/run_view.ts";
import type { ReportData } from "./collect.ts";
import { type Content, drawing, html } from "./markup.ts";

const WIDTH = 400;
const HEIGHT = 140;

/** Each jar's memory against its limit and its context filling, over the same time. */
export function plots(data: ReportData): Content {
  const hasMemory = data.view.jars.some(({ memory }) => memory.points.length > 0);
  return html`
    <section aria-labelledby="plots">
      <h2 id="plots">Memory and context over time</h2>
      <p class="note">† marks a death. ${hasMemory
        ? "Dashed across: the jar's limit; dotted: what was reserved for it."
        : "This transcript has no samples of memory."}</p>
      <div class="plots">${data.view.jars.map((jar) => jarPlots(jar, data))}</div>
    </section>
  `;
}

function jarPlots(jar: JarView, data: ReportData): Content {
  const { jars, deaths, milliseconds, view } = data;
  const own = jars.find(({ id }) => id === jar.id);
  const shared = {
    marks: deaths.filter(({ id }) => id === jar.id)
      .map(({ at, turn, message }) => ({
        at,
        label: `Died in turn ${turn}: ${message}`,
      })),
    span: [0, milliseconds] as const,
    formatTime: clockText,
    width: WIDTH,
    height: HEIGHT,
  };
  const reserved = own?.reservedBytes ?? 0;
  const memory = jar.memory.points.length === 0 ? undefined : plotOf({
    ...shared,
    label: `Memory of ${jar.id}`,
    points: jar.memory.points,
    ...(jar.limitBytes === undefined
      ? {}
      : { limit: { label: "its limit is", value: jar.limitBytes } }),
    ...(reserved > 0 ? { reserved: { label: "reserved is", value: reserved } } : {}),
    formatValue: formatAmount,
  });
  const context = plotOf({
    ...shared,
    label: `Tokens in the context of ${jar.id}`,
    points: own?.context.points ?? [],
    ...(jar.contextSize > 0 ? { limit: { label: "it holds", value: jar.contextSize } } : {}),
    formatValue: String,
  });
  return html`<div class="jar" data-voice="${voiceOf(jar, view.jars)}">
<h3><span class="voice">${jar.id}</span> ${jar.role === jar.id ? "" : jar.role}</h3>
${
    memory === undefined
      ? undefined
      : html`<figure><figcaption>Memory</figcaption>${drawing(memory)}</figure>`
  }
<figure><figcaption>Context, in tokens</figcaption>${drawing(context)}</figure>
</div>`;
}
