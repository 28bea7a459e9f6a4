import { formatAmount } from "../../budget/size.ts";
import type { InstancePlace } from "../../budget/validation.ts";
import { askedWords, everyInstance, livesWords, placeIn } from "../../report/places/places.ts";
import { issueMessage, warningsOf } from "../../report/message.ts";
import type { ReportData } from "./collect.ts";
import { type Content, html } from "./markup.ts";

/** Layer 1's verdict and the figures that it was reached by. */
export function validation({ validation, view }: ReportData): Content {
  if (validation === undefined || view.validation === undefined) {
    return html`
      <section aria-labelledby="validation">
        <h2 id="validation">Validation</h2>
        <p
          class="note">This transcript doesn't have it: it was written by an earlier brainjar, or its first part is missing.</p>
      </section>
    `;
  }
  const { ok, pools, recommendations } = validation;
  const isPlaced = validation.places !== undefined;
  return html`<section aria-labelledby="validation">
<h2 id="validation">Validation ${
    ok ? html`<span class="passed">passed</span>` : html`<span class="failed">failed</span>`
  }</h2>
<div class="scroll" tabindex="0" role="group" aria-label="Memory by pool"><table><thead><tr><th scope="col">Pool</th><th scope="col">Total</th><th scope="col">Available</th>
<th scope="col">Safe threshold</th><th scope="col">Required</th><th scope="col">Margin</th></tr></thead>
<tbody>${
    pools.map((pool) =>
      html`<tr><th scope="row">${pool.id}</th>${
        [
          pool.totalBytes,
          pool.availableBytes,
          pool.usableBytes,
          pool.requiredBytes,
          pool.marginBytes,
        ].map((bytes) => html`<td>${formatAmount(bytes)}</td>`)
      }</tr>`
    )
  }</tbody></table></div>
<div class="scroll" tabindex="0" role="group" aria-label="Memory by jar"><table><thead><tr><th scope="col">Jar</th><th scope="col">Limit</th><th scope="col">Stays alive with</th>
<th scope="col">Runs at full speed with</th><th scope="col">Required</th>${
    isPlaced
      ? html`
        <th scope="col" class="words">Lives</th>
        <th scope="col" class="words">Asked for</th>
      `
      : undefined
  }</tr></thead>
<tbody>${
    everyInstance(view.validation).map((jar) =>
      html`<tr><th scope="row">${jar.id}</th><td>${
        jar.ramLimitBytes === undefined ? "none" : formatAmount(jar.ramLimitBytes)
      }</td>${
        [jar.floorBytes, jar.workingSetBytes, jar.requiredBytes].map((bytes) =>
          html`<td>${formatAmount(bytes)}</td>`
        )
      }${placeCells(placeIn(view.validation ?? {}, jar.id))}</tr>`
    )
  }</tbody></table></div>
${list("Issues", validation.issues.map(issueMessage))}
${list("Warnings", warningsOf(view.validation).map(({ message }) => message))}
${list("What would help", recommendations.map(({ flags }) => flags.join(" ")).filter(Boolean))}
</section>`;
}

/** Where a jar was to live, and what was asked for it. */
function placeCells(place: InstancePlace | undefined): Content {
  if (place === undefined) return undefined;
  return html`
    <td class="words">${livesWords(place)}</td>
    <td class="words">${place.launcher === undefined ? "" : askedWords(place)}</td>
  `;
}

function list(title: string, items: readonly string[]): Content {
  if (items.length === 0) return undefined;
  return html`
    <h3>${title}</h3>
    <ul>${items.map((item) => html`<li>${item}</li>`)}</ul>
  `;
}
