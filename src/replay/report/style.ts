/** How a report looks, in the colours of the page's theme; on paper too. */
export const STYLE = `
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 var(--sans); }
h1 { font: 600 2rem/1.2 var(--serif); margin: 0 0 .25rem; }
h2 { font: 600 1.4rem/1.3 var(--serif); margin: 2.5rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h2.small { font: 600 1rem var(--sans); margin: 1rem 0 .25rem; padding: 0; border: 0; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
a { color: var(--focus); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 1rem 0 0; padding: 0; }
code, pre { font-family: var(--mono); font-size: .9em; }
pre { margin: 0; padding: .75rem 1rem; background: var(--sunk); border: 1px solid var(--line); border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.lead, .note, .when { color: var(--soft); }
.lead { margin: 0; }
.note { font-size: .9rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.facts div { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .5rem .75rem; }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { margin: 0; font-size: 1.1rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.warn { border-left: 4px solid var(--danger); background: var(--panel); padding: .5rem .75rem; margin: .75rem 0; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td.words, th.words { text-align: left; }
td.words { white-space: normal; }
td.model { min-width: 12rem; overflow-wrap: anywhere; }
thead th { color: var(--soft); font-weight: 600; }
.voice { color: var(--voice, var(--ink)); font-weight: 700; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem 1.5rem; }
figure { margin: 0 0 .75rem; }
figcaption { font-size: .85rem; color: var(--soft); }
.lane { display: grid; grid-template-columns: 7rem 1fr; gap: .75rem; align-items: center; }
.lane .voice { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.lane svg { width: 100%; height: 30px; background: var(--sunk); border-radius: 4px; }
.life { fill: var(--voice, var(--ink)); }
.life-engine-failed, .life-engine-stalled, .life-device-lost, .life-ram-limit, .life-available-memory,
.life-device-memory, .life-out-of-memory, .life-killed, .life-crashed, .life-terminated, .life-preempted,
.life-node-failed, .life-exited,
.life-silent, .life-jar-protocol { fill: var(--danger); }
.life-by-hand { fill: var(--soft); }
.turn { break-inside: avoid; }
.turn h3 { color: var(--soft); font-weight: 600; }
.when { font-weight: 400; font-size: .85em; margin-left: .5em; font-variant-numeric: tabular-nums; }
.said { border-left: 3px solid var(--voice); padding-left: .75rem; margin: .5rem 0; }
.said p { margin: 0; }
.who { font-size: .85rem; color: var(--soft); }
.text { font-family: var(--serif); font-size: 1.08rem; white-space: pre-wrap; overflow-wrap: anywhere; max-width: 62ch; }
.happened { margin: .4rem 0; font-size: .9rem; color: var(--soft); white-space: pre-wrap; overflow-wrap: anywhere; }
.happened-death, .happened-warning { color: var(--danger); }
.gap { text-align: center; color: var(--soft); border-block: 1px dashed var(--line); padding: .75rem; }
.passed, .failed { font: 600 .9rem var(--sans); padding: .1rem .6rem; border-radius: 1rem; border: 1px solid currentColor; }
.failed { color: var(--danger); }
.passed { color: var(--subject); }
summary { cursor: pointer; color: var(--soft); padding: .25rem 0; }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; background: #fff; color: #000; }
  nav { display: none; }
  h2, h3 { break-after: avoid; }
  svg, tr, figure { break-inside: avoid; }
}
`;
