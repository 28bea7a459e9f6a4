import { counted } from "../../budget/counted.ts";
import { sum } from "../../budget/sum.ts";
import { CAUSE_MESSAGES, type DeathCause } from "../../experiment/jar/death_cause.ts";
import { voiceOf } from "../../page/assets/format.js";
import { clockText } from "../../view/clock_text.ts";
import { isLiving, type JarView, type Life } from "../../view/run_view.ts";
import type { ReportData } from "./collect.ts";
import { type Content, html } from "./markup.ts";

const WIDTH = 1000;
const ROW = 30;
const BAR = 20;

/** Less wide, a bar couldn't be seen. */
const LEAST_WIDTH = 1.5;

/** Each jar's lives as bars over time, and in a table with what ended them. */
export function lives(data: ReportData): Content {
  const told = toldLives(data);
  const ended = sum([...data.causes.values()]);
  const endedTold = told.filter(({ death }) => death !== undefined).length;
  return html`<section aria-labelledby="lives">
<h2 id="lives">Lives</h2>
<p>${causesSentence(data.causes)}</p>
${
    endedTold < ended
      ? html`<p class="note">The last ${endedTold} of ${ended} lives that ended are shown.</p>`
      : undefined
  }
<div class="lives">${data.view.jars.map((jar) => lane(jar, told, data))}</div>
<details${
    told.length <= 12
      ? html`
        open
      `
      : undefined
  }><summary>${told.length} ${told.length === 1 ? "life" : "lives"} in a table</summary>
<div class="scroll" tabindex="0" role="group" aria-label="Lives"><table>
<thead><tr><th scope="col">Jar</th><th scope="col">Life</th><th scope="col">Turns</th><th scope="col">Lasted</th>
<th scope="col">Thoughts</th><th scope="col">Tokens</th><th scope="col" class="words">Ended because</th></tr></thead>
<tbody>${told.map((life) => row(life, data))}</tbody></table></div></details>
</section>`;
}

/** Those that are over, and those that the run's end found. */
function toldLives({ view, lives }: ReportData): readonly Life[] {
  return [...lives, ...view.jars.filter(isLiving).map(({ life }) => life)];
}

function causesSentence(causes: ReadonlyMap<DeathCause, number>): string {
  if (causes.size === 0) return "Nobody died.";
  const sentences = [...causes].map(([cause, count]) =>
    `${counted(count, "death")} because ${CAUSE_MESSAGES[cause]}`
  );
  return `${sentences.join(", ")}.`;
}

function lane(jar: JarView, told: readonly Life[], { view, milliseconds }: ReportData): Content {
  const own = told.filter(({ id }) => id === jar.id);
  const scale = WIDTH / Math.max(1, milliseconds);
  const bars = own.map((life) => {
    const to = life.death?.at ?? milliseconds;
    const x = Math.min(WIDTH - LEAST_WIDTH, life.bornAt * scale);
    const width = Math.max(LEAST_WIDTH, (to - life.bornAt) * scale - 1);
    const name = life.death === undefined ? "life" : `life life-${life.death.cause}`;
    return html`
      <rect class="${name}" x="${x.toFixed(1)}" y="${(ROW - BAR) / 2}" width="${width.toFixed(
        1,
      )}" height="${BAR}">
        <title>${lifeText(life)}</title>
      </rect>
    `;
  });
  const label = `Lives of ${jar.id}: ${own.map(lifeText).slice(-12).join("; ")}`;
  return html`<div class="lane" data-voice="${
    voiceOf(jar, view.jars)
  }"><span class="voice">${jar.id}</span>
<svg viewBox="0 0 ${WIDTH} ${ROW}" preserveAspectRatio="none" role="img" aria-label="${label}">${bars}</svg></div>`;
}

function lifeText({ number, death, thoughts }: Life): string {
  const end = death === undefined ? "lived to the end" : CAUSE_MESSAGES[death.cause];
  return `life ${number}, ${counted(thoughts, "thought")}, ${end}`;
}

function row(life: Life, { milliseconds, view }: ReportData): Content {
  const { id, number, bornTurn, bornAt, death, thoughts, tokens } = life;
  const lastTurn = death?.turn ?? view.turn;
  return html`
    <tr>
      <th scope="row">${id}</th>
      <td>${number}</td>
      <td>${Math.max(1, bornTurn)}–${lastTurn}</td>
      <td>${lasted((death?.at ?? milliseconds) - bornAt)}</td>
      <td>${thoughts}</td>
      <td>${tokens}</td>
      <td class="words">${death === undefined ? "it lived to the end" : death.message}</td>
    </tr>
  `;
}

/** A length of time; a short one with a fraction of a second. */
export function lasted(milliseconds: number): string {
  return milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(2)} s` : clockText(milliseconds);
}
