import { announcer } from "./announce.js";
import { actions, head, remote, teller } from "./controls.js";
import { openDialogs } from "./dialogs.js";
import { setText } from "./dom.js";
import { clock } from "./format.js";
import { jarCards } from "./jars.js";
import { machinePanel, memoryPlots, records } from "./machine.js";
import { shortcuts } from "./shortcuts.js";
import { readAlong } from "./stream.js";
import { transcript } from "./transcript.js";

/** @param {string} id @returns {any} */
const find = (id) => document.getElementById(id);

document.documentElement.classList.replace("no-script", "script");

// The token stands in the fragment, which a browser sends to nobody.
const token = location.hash.slice(1) || undefined;
let mayControl = false;

const tell = teller(find("told"));
const run = remote(token, tell);
const { act, show: showActions } = actions(run, {
  whisper: find("whisper-text"),
  dialogs: openDialogs(document),
  cards: () => cards,
  tell,
});
/** @type {any} */
const cards = jarCards(find("jars"), act);

const parts = [
  head({
    phase: find("phase"),
    turn: find("turn"),
    time: find("time"),
    mode: find("mode"),
    seed: find("seed"),
    pace: find("pace"),
    verdict: find("verdict"),
    pause: find("pause"),
    replay: find("replay-form"),
    turnField: find("replay-turn"),
  }, clock),
  cards.show,
  transcript(find("transcript")),
  machinePanel(find("machine")),
  memoryPlots(find("plots")),
  records(find("lives"), find("happenings")),
  announcer(find("announcements")),
  showActions,
];

/** @type {any} */
let waiting;

/** @param {any} state */
function show(state) {
  if (waiting === undefined) requestAnimationFrame(draw);
  waiting = state;
}

function draw() {
  const state = waiting;
  waiting = undefined;
  for (const part of parts) part(state);
  document.body.dataset.ready = "true";
}

for (
  const [id, does] of /** @type {[string, () => void][]} */ ([
    ["pause", act.pause],
    ["slower", act.slower],
    ["faster", act.faster],
    ["validation", act.report],
    ["help", act.help],
    ["quit", act.quit],
  ])
) find(id).addEventListener("click", () => does());

find("whisper-form").addEventListener("submit", async (/** @type {Event} */ event) => {
  event.preventDefault();
  const field = find("whisper-text");
  const text = field.value.trim();
  if (text !== "" && await run.post("whisper", { text })) {
    field.value = "";
    tell("Whispered: it goes into the subject's next prompt");
  }
});
find("replay-form").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  act.goTo(Number(find("replay-turn").value));
});
find("jars").addEventListener("focusin", (/** @type {any} */ event) => {
  const id = event.target.closest("[data-id]")?.dataset.id;
  if (id !== undefined) act.choose(id);
});
shortcuts(act, find("shortcuts-on"), () => mayControl);

/** @type {Readonly<Record<string, string>>} */
const STATUSES = {
  connected: "",
  lost: "Not connected; trying again",
  busy: "As many read along as can; trying again",
  closed: "The run is over; this is what was seen of it",
};

/** @param {string | undefined} withToken */
function read(withToken) {
  readAlong({
    token: withToken,
    onHello(hello) {
      ({ mayControl } = hello);
      document.body.dataset.control = String(mayControl);
    },
    onState: show,
    onStatus(status) {
      setText(find("connection"), STATUSES[status] ?? status);
      document.body.dataset.connection = status;
    },
    onRefused(message) {
      setText(find("connection"), message);
      document.body.dataset.connection = "refused";
      // Who has no right token may read still, where anybody may.
      if (withToken !== undefined) {
        tell(message);
        read(undefined);
      }
    },
  });
}
read(token);
// Another fragment is another token.
addEventListener("hashchange", () => location.reload());
