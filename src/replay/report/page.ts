import { sum } from "../../budget/sum.ts";
import type { RecordedStart } from "../../report/schema/transcript.ts";
import { formatAmount } from "../../budget/size.ts";
import { startedWords } from "../../report/places/process_text.ts";
import type { JarView, PlaceView } from "../../view/run_view.ts";
import type { ReportData } from "./collect.ts";
import { lasted, lives } from "./lives.ts";
import { type Content, html, Markup } from "./markup.ts";
import { plots } from "./plots.ts";
import { repeatLine } from "./repeat.ts";
import { STYLE } from "./style.ts";
import { validation } from "./validation.ts";
import { words } from "./words.ts";

/** What a report says of the transcript itself. */
interface ReportNotes {
  /** The file's name. */
  readonly name: string;
  /** Which of how many runs it is. */
  readonly number: number;
  readonly count: number;
  /** What isn't as it should be, a sentence each. */
  readonly remarks: readonly string[];
}

/** Written at the beginning of a report, so that one is told from other files. */
export const REPORT_MARK = '<!doctype html>\n<meta charset="utf-8">\n<!-- brainjar report -->\n';

const NOTHING_LOADS = "default-src 'none'; style-src 'unsafe-inline'";

/**
 * A run as one HTML file: nothing in it is loaded from anywhere, and nothing runs.
 *
 * @param theme the page's colours, as CSS
 */
export function reportPage(data: ReportData, notes: ReportNotes, theme: string): string {
  const title = `brainjar: ${data.start.mode} run${
    data.startedAt === undefined ? "" : ` of ${day(data.startedAt)}`
  }`;
  const page = html`
    <html lang="en">
      <head>
        <meta http-equiv="Content-Security-Policy" content="${NOTHING_LOADS}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${title}</title>
        <style>${new Markup(theme)}${new Markup(STYLE)}</style>
      </head>
      <body>
        <header>
    <h1>${headline(data)}</h1>
    <p class="lead">${lead(data, notes)}</p>
    ${notes.remarks.map((remark) => html`<p class="warn">${remark}</p>`)}
    ${facts(data)}
    <h2 id="repeat" class="small">The same thoughts again</h2>
    <pre tabindex="0" aria-labelledby="repeat">${repeatLine(data.start)}</pre>
    <p class="note">Prompts that aren't brainjar's own are given as files again (--prompt-JAR); they stand below.</p>
    <nav aria-label="Contents"><ul>${[
      ...(hasLived(data) ? [["#plots", "Memory and context"], ["#lives", "Lives"]] : []),
      ["#words", "What they said"],
      ["#validation", "Validation"],
      ["#prompts", "Prompts"],
    ].map(([to, name]) => html`<li><a href="${to}">${name}</a></li>`)}</ul></nav>
        </header>
        <main>
    ${jarTable(data)}
    ${hasLived(data) ? [plots(data), lives(data)] : undefined}
    ${words(data)}
    ${validation(data)}
    ${prompts(data)}
        </main>
      </body>
    </html>
  `;
  return REPORT_MARK + page.text;
}

/** False for a run that was refused, or cut off before anybody thought. */
function hasLived({ thoughts, causes }: ReportData): boolean {
  return thoughts > 0 || causes.size > 0;
}

function headline({ start }: ReportData): string {
  const names = start.jars.map(({ id }) => id);
  return names.length === 0 ? "A run" : names.join(", ");
}

function lead({ start, startedAt }: ReportData, { name, number, count }: ReportNotes): string {
  const when = startedAt === undefined ? "" : `, ${day(startedAt)} ${time(startedAt)} UTC`;
  const which = count === 1 ? "" : `, run ${number} of ${count}`;
  return `Mode ${start.mode}${when}, from ${name}${which}`;
}

function day(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(11, 19);
}

function facts(data: ReportData): Content {
  const { view, start, milliseconds, thoughts, tokens } = data;
  const turns = view.end?.turns ?? view.turn;
  const deaths = sum([...data.causes.values()]);
  const entries: readonly (readonly [string, string | number])[] = [
    ["Lasted", lasted(milliseconds)],
    ["Turns", start.turns === undefined ? turns : `${turns} of ${start.turns}`],
    ["Thoughts", thoughts],
    ["Tokens", tokens],
    ["Deaths", deaths],
    ["Seed", start.sampling.seed],
    ["Ended", ENDINGS[view.end?.reason ?? "open"]],
  ];
  return html`<dl class="facts">${
    entries.map(([term, value]) =>
      html`
        <div>
          <dt>${term}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

const ENDINGS = {
  turns: "as asked",
  stopped: "stopped",
  refused: "refused: the jars don't fit",
  failed: "failed: a jar couldn't be made",
  "no-jar-left": "no jar was left",
  open: "not in this transcript",
} as const;

function jarTable({ start, view, jars }: ReportData): Content {
  // A jar that was never loaded has none but the one that was asked for.
  const contextOf = (id: string) => start.jars.find((jar) => jar.id === id)?.contextSize ?? 0;
  const isPlaced = view.jars.some(({ place }) => place !== undefined);
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label="Jars">
      <table>
        <thead>
          <tr>
            <th scope="col">Jar</th>
            <th scope="col" class="words">Role</th>
            <th scope="col" class="words">Model</th>
            <th scope="col">Context</th>
            <th scope="col">Thoughts</th>
            <th scope="col">Tokens</th>
            <th scope="col">Deaths</th>
            ${isPlaced
              ? html`
                <th scope="col" class="words">Last started</th>
                <th scope="col">Limit</th>
                <th scope="col">Request</th>
                <th scope="col">Held at most</th>
              `
              : undefined}
          </tr>
        </thead>
        <tbody>${view.jars.map((jar: JarView) => {
          const own = jars.find(({ id }) => id === jar.id);
          return html`
            <tr>
              <th scope="row">${jar.id}</th>
              <td class="words">${jar.role}</td>
              <td class="words model">${jar.model}</td>
              <td>${jar.contextSize || contextOf(jar.id)}</td>
              <td>${own?.thoughts ?? 0}</td>
              <td>${own?.tokens ?? 0}</td>
              <td>${jar.deaths}</td>
              ${jar.place && placeCells(jar.place)}
            </tr>
          `;
        })}</tbody>
      </table>
    </div>
  `;
}

/** Where a jar lived, what it was held to and asked for, and what its process held. */
function placeCells(place: PlaceView): Content {
  const { launcher, limitBytes, requestBytes, mostHeldBytes, isHere, host } = place;
  const where = isHere && host === undefined ? " on the run's machine" : "";
  const isApart = launcher !== undefined;
  const amountOf = (bytes: number | undefined, other: string) =>
    bytes === undefined ? other : formatAmount(bytes);
  return html`
    <td class="words">${isApart ? `${startedWords(place)}${where}` : "in the run's process"}</td>
    <td>${isApart ? amountOf(limitBytes, "none") : ""}</td>
    <td>${isApart ? formatAmount(requestBytes) : ""}</td>
    <td>${isApart ? amountOf(mostHeldBytes, "unknown") : ""}</td>
  `;
}

function prompts({ start, view, prompts }: ReportData): Content {
  return html`<section aria-labelledby="prompts">
<h2 id="prompts">Prompts</h2>
${start.jars.map((jar) => promptOf(jar, view.jars.find(({ id }) => id === jar.id)))}
${
    prompts.map(({ id, turn, text }) =>
      html`
        <h3>${id} from turn ${turn} on, by a hand</h3>
        <pre>${text}</pre>
      `
    )
  }
</section>`;
}

function promptOf(jar: RecordedStart["jars"][number], seen: JarView | undefined): Content {
  return html`<h3>${jar.id}</h3>
${jar.prompt === undefined ? undefined : html`<pre>${jar.prompt}</pre>`}
${
    seen?.prompt === undefined ? undefined : html`
      <details>
        <summary>What it was told last</summary>
        <pre>${seen.prompt}</pre>
      </details>
    `
  }`;
}
