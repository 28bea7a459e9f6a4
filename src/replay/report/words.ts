import { VERBS, voiceOf } from "../../page/assets/format.js";
import { clockText } from "../../view/clock_text.ts";
import type { Happening, JarView, Utterance } from "../../view/run_view.ts";
import type { ReportData, TurnData, TurnItem } from "./collect.ts";
import { TOLD_TURNS } from "./collect.ts";
import { type Content, html } from "./markup.ts";

/** What was said and what happened, turn by turn. */
export function words(data: ReportData): Content {
  const { turns, turnsLeftOut, view: { jars } } = data;
  const first = turns.slice(0, TOLD_TURNS.first);
  const last = turns.slice(TOLD_TURNS.first);
  return html`<section aria-labelledby="words">
<h2 id="words">What they said</h2>
${first.map((turn) => turnOf(turn, jars))}
${
    turnsLeftOut === 0 ? undefined : html`
      <p
        class="gap">${turnsLeftOut} turns are left out here, ${(first.at(-1)?.turn ?? 0) +
          1} to ${(last[0]?.turn ?? 1) -
          1}: the transcript has them, and <code>brainjar replay</code> plays them.</p>
    `
  }
${last.map((turn) => turnOf(turn, jars))}
</section>`;
}

function turnOf({ turn, at, items }: TurnData, jars: readonly JarView[]): Content {
  return html`
    <article class="turn" id="turn-${turn}">
    <h3>${turn === 0 ? "Before the first turn" : `Turn ${turn}`} <span class="when">${clockText(
      at,
    )}</span></h3>
    ${items.map((item) => itemOf(item, jars))}
    </article>
  `;
}

function itemOf(item: TurnItem, jars: readonly JarView[]): Content {
  return item.kind === "said" ? saidOf(item.said, jars) : happenedOf(item.happened);
}

function saidOf(
  { id, role, kind, text, byHand, isCutOff }: Utterance,
  jars: readonly JarView[],
): Content {
  const who = byHand
    ? html`a hand whispers to <span class="voice">${id}</span>`
    : html`<span class="voice">${id}</span> ${VERBS[kind]}${isCutOff ? ", cut off" : ""}`;
  return html`
    <div class="said" data-voice="${voiceOf({ id, role }, jars)}">
      <p class="who">${who}</p>
      <p class="text">${text.trim() === "" ? html`<em>silence</em>` : text.trim()}</p>
    </div>
  `;
}

function happenedOf({ kind, text }: Happening): Content {
  return html`
    <p class="happened happened-${kind}">${text}</p>
  `;
}
