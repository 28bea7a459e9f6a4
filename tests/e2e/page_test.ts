import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import axe from "axe-core";
import {
  Chromium,
  chromiumProgram,
  type Looks,
  type Tab,
} from "../../fixtures/pictures/chromium.ts";
import { GB, MB } from "../../src/budget/size.ts";
import { MIXED } from "../report/places/cases.ts";
import { openPlayedPage, type PlayedPage } from "../page/played_page.ts";
import { sampleRun } from "../view/sample_run.ts";
import { brainjarCommand } from "./program.ts";

// The page in a real browser, as a person has it. Skipped where no Chromium is installed.

const program = chromiumProgram();
const WIDE: Looks = { width: 1280, height: 900 };

function test(name: string, run: (chromium: Chromium) => Promise<void>): void {
  Deno.test({
    name: `page in Chromium: ${name}${program === undefined ? " (skipped: no Chromium here)" : ""}`,
    ignore: program === undefined,
    fn: async () => {
      await using chromium = await Chromium.start(program ?? "");
      await run(chromium);
    },
  });
}

/** A real run of the demo brain with a page. */
async function startRun(): Promise<AsyncDisposable & { readUrl: string; controlUrl: string }> {
  const child = brainjarCommand([
    ...["run", "--mode", "matrix", "--web", "--plain", "--pace", "1000", "--seed", "7"],
    ...["--context-size", "512"],
  ]).spawn();
  child.stdout.pipeTo(new WritableStream()).catch(() => {});
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!/#\S+\n/.test(said)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`It ended: ${said}`);
    said += value;
  }
  const urls = said.match(/http:\S+/g) ?? [];
  return {
    readUrl: urls.find((url) => !url.includes("#")) ?? "",
    controlUrl: urls.find((url) => url.includes("#")) ?? "",
    async [Symbol.asyncDispose]() {
      await reader.cancel();
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

/** The page of a run of the fake engine, up to its end. */
async function playSample(page: PlayedPage): Promise<void> {
  for (const [event, at] of await sampleRun({ turns: 8 })) {
    if (event.event !== "end") page.hear(event, at);
  }
}

async function ready(tab: Tab): Promise<Tab> {
  await tab.until("document.body.dataset.ready");
  return tab;
}

async function closeDialog(tab: Tab): Promise<void> {
  await tab.press("Escape");
  await tab.until("document.querySelector('dialog[open]') === null");
}

const said = "document.querySelectorAll('.said').length";

test("thoughts arrive, and nothing is asked of another host", async (chromium) => {
  await using run = await startRun();
  const tab = await ready(await chromium.open(run.readUrl, WIDE));
  await tab.until(`${said} >= 3`);
  const before = await tab.evaluate<number>(said);
  await tab.until(`${said} > ${before}`);
  assertEquals(await tab.evaluate("document.querySelectorAll('.jar').length"), 3);
  assertEquals(
    await tab.evaluate(
      "[...document.querySelectorAll('.with-token')].filter((one) => one.checkVisibility()).length",
    ),
    0,
    "Reading only: no buttons",
  );
  const { origin } = new URL(run.readUrl);
  const asked = await tab.evaluate<string[]>(
    "performance.getEntriesByType('resource').map(({ name }) => name)",
  );
  assert(asked.length > 10);
  assertEquals(asked.filter((url) => new URL(url).origin !== origin), []);
});

test("with the token and a keyboard alone a jar is killed and comes back", async (chromium) => {
  await using run = await startRun();
  const tab = await ready(await chromium.open(run.controlUrl, WIDE));
  await tab.until(`${said} >= 3`);
  const deaths =
    "Number(document.querySelector('[data-id=god] .signs div:nth-child(2) dd').textContent)";
  const before = await tab.evaluate<number>(deaths);
  await tab.press("3");
  assertEquals(await tab.evaluate("document.activeElement.dataset.id"), "god");
  await tab.press("k");
  await tab.until(`${deaths} > ${before}`);
  await tab.until("document.querySelector('#lives').textContent.includes('a hand ended it')");
  await tab.until(
    "!['dead', 'gone'].includes(document.querySelector('[data-id=god]').dataset.state)",
  );

  await tab.press("w");
  assertEquals(await tab.evaluate("document.activeElement.id"), "whisper-text");
  const whisper = "Who keeps you? kpq?";
  await tab.type(whisper);
  await tab.press("Enter");
  await tab.until("document.querySelector('[data-hand=true] .said-text')");
  assertEquals(await tab.text("[data-hand=true] .said-text"), whisper);

  await tab.evaluate("document.activeElement.blur()");
  await tab.press("p");
  await tab.until("document.querySelector('#phase').textContent === 'Paused'");
  await tab.press("p");
  await tab.until("document.querySelector('#phase').textContent === 'Running'");

  await tab.press("e");
  await tab.until("document.querySelector('#prompt-dialog').open");
  assert((await tab.evaluate<string>("document.querySelector('#prompt-text').value")).length > 20);
  await closeDialog(tab);
  await tab.press("v");
  await tab.until("document.querySelector('#report-dialog').open");
  assertStringIncludes(await tab.text("#report-text"), "MEMORY BUDGET VALIDATION");
  await closeDialog(tab);

  await tab.press("-");
  await tab.until("document.querySelector('#pace').textContent === '700 words/min'");
  await tab.press("q");
  await tab.until("document.querySelector('#quit-dialog').open");
  await tab.evaluate("document.querySelector('#quit-now').focus()");
  await tab.press("Enter");
  await tab.until("document.body.dataset.connection === 'closed'");
});

test("Tab reaches every button, and each shows where it is", async (chromium) => {
  await using page = await openPlayedPage();
  await playSample(page);
  const tab = await ready(await chromium.open(page.page.controlUrl, WIDE));
  const wanted = await tab.evaluate<number>(
    "[...document.querySelectorAll('main button, header button, main input, summary')].filter((one) => one.checkVisibility()).length",
  );
  const reached = new Set<string>();
  for (let count = 0; count < 60; count++) {
    await tab.press("Tab");
    const [name, outline] = await tab.evaluate<[string, string]>(
      "[document.activeElement.tagName + ' ' + [...document.querySelectorAll('*')].indexOf(document.activeElement), getComputedStyle(document.activeElement).outlineStyle]",
    );
    if (!/^(BUTTON|INPUT|SUMMARY) /.test(name)) continue;
    reached.add(name);
    assertEquals(outline, "solid", name);
  }
  assertEquals(reached.size, wanted);
});

test("a token that isn't the run's lets nobody in, and says so", async (chromium) => {
  await using page = await openPlayedPage();
  await playSample(page);
  const tab = await ready(await chromium.open(`${page.origin}/#${"x".repeat(24)}`, WIDE));
  assertStringIncludes(await tab.text("#told"), "not this run's token");
  await tab.press("k");
  assertEquals(page.asked, []);
});

test("a page of another origin that posts gets nothing", async (chromium) => {
  await using page = await openPlayedPage();
  await using evil = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () =>
      new Response("<!doctype html><title>Evil</title><iframe name=f></iframe>", {
        headers: { "content-type": "text/html" },
      }),
  );
  const tab = await chromium.open(`http://127.0.0.1:${evil.addr.port}/`, WIDE);
  await tab.until("document.title === 'Evil'");
  const target = `${page.origin}/controls/quit`;
  const headers = `{ authorization: 'Bearer ${page.token}', 'content-type': 'application/json' }`;
  const tries = [
    `fetch('${target}', { method: 'POST', headers: ${headers}, body: '{}' })`,
    `fetch('${target}', { method: 'POST', mode: 'no-cors', body: '{}' })`,
    `fetch('${page.origin}/events')`,
    `fetch('${page.origin}/report')`,
  ];
  for (const attempt of tries) {
    const got = await tab.evaluate<string>(
      `${attempt}.then((response) => response.type === 'opaque' ? 'nothing' : response.text(), () => 'nothing')`,
    );
    assertEquals(got, "nothing", attempt);
  }
  await tab.evaluate(`(() => {
    const form = document.createElement("form");
    form.method = "post"; form.action = "${target}"; form.target = "f";
    document.querySelector("iframe").onload = () => document.title = "Answered";
    document.body.append(form); form.submit();
  })()`);
  await tab.until("document.title === 'Answered'");
  assertEquals(page.asked, []);
});

test("what a model says stays text, and is whole however it is frayed", async (chromium) => {
  await using page = await openPlayedPage();
  await playSample(page);
  const words = "the glass is full and I am less than I was ".repeat(6);
  const text =
    `<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>\u001b[2J ${words}end`;
  const at = page.view().at;
  page.hear({ event: "text", id: "subject", text }, at);
  page.hear({
    event: "thought",
    id: "subject",
    role: "subject",
    turn: 9,
    text,
    promptTokens: 1,
    tokens: 90,
    stop: "end",
    contextTokens: 4000,
    contextSize: 4096,
    seed: 1,
    prompt: "<b>You</b>",
    milliseconds: 100,
  }, at);
  page.hear({ event: "warning", code: "x", message: "<script>window.hacked = 1</script>" }, at);
  const tab = await ready(await chromium.open(page.page.controlUrl, WIDE));
  const shown = text.replace("\u001b", "\\u{1b}");
  assertEquals(await tab.text(".said:last-child .said-text"), shown);
  assertEquals(await tab.text("[data-id=subject] .jar-thought"), shown);
  assert(
    await tab.evaluate<number>("document.querySelectorAll('.said:last-child .worn').length") > 5,
  );
  assertEquals(await tab.evaluate("String(window.hacked)"), "undefined");
  assertEquals(
    await tab.evaluate("document.querySelectorAll('main img, main script, main b').length"),
    0,
  );
  const copied = await tab.evaluate<string>(
    "getSelection().selectAllChildren(document.querySelector('.said:last-child .said-text')), getSelection().toString()",
  );
  assertEquals(copied, shown);
});

test("however long a run goes on, the page stays as large as it was", async (chromium) => {
  await using page = await openPlayedPage();
  const heard = (await sampleRun({ turns: 6 })).filter(([{ event }]) => event !== "end");
  const again = (round: number) => {
    for (const [event, at] of heard) {
      if (round > 0 && (event.event === "validation" || event.event === "loaded")) continue;
      page.hear(event, round * 100_000 + at);
    }
  };
  for (let round = 0; round < 60; round++) again(round);
  const tab = await ready(await chromium.open(page.page.readUrl ?? "", WIDE));
  const nodes = "document.getElementsByTagName('*').length";
  const before = await tab.evaluate<number>(nodes);
  for (let round = 60; round < 200; round++) {
    again(round);
    await tab.until(`document.querySelector('#time').textContent !== ''`);
  }
  const { number } = page.view().utterances.at(-1) ?? {};
  assert(number !== undefined && number > 1000);
  await tab.until(`document.querySelector('#turn').textContent.startsWith('${page.view().turn}')`);
  const after = await tab.evaluate<number>(nodes);
  assert(after < before * 1.25, `${before} elements became ${after}`);
});

test("nobody is kept out: axe finds nothing, light, dark, narrow, in dialogs", async (chromium) => {
  await using page = await openPlayedPage();
  await playSample(page);
  const looks: readonly Looks[] = [
    { ...WIDE, scheme: "light", reducedMotion: true },
    { ...WIDE, scheme: "dark", reducedMotion: true },
    { width: 360, height: 740, scheme: "light", reducedMotion: true },
  ];
  for (const look of looks) {
    const tab = await ready(await chromium.open(page.page.controlUrl, look));
    await tab.evaluate(axe.source);
    for (const before of ["", "#help", "#validation"]) {
      if (before !== "") {
        await tab.evaluate(`document.querySelector('${before}').click()`);
        await tab.until("document.querySelector('dialog[open]')");
      }
      const found = await tab.evaluate<string[]>(
        "axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ' ' + target)))",
      );
      assertEquals(found, [], `${JSON.stringify(look)} ${before}`);
      await tab.evaluate("document.querySelector('dialog[open]')?.close()");
    }
    assertEquals(
      await tab.evaluate("document.documentElement.scrollWidth <= innerWidth"),
      true,
      "Nothing is cut off at the side",
    );
    await tab.close();
  }
});

test("a jar says where it lives, and what is elsewhere is no part of this machine", async (chromium) => {
  await using page = await openPlayedPage();
  const heard = await sampleRun({ turns: 1 });
  for (const [event, at] of heard) {
    if (event.event === "validation") page.hear({ ...event, validation: MIXED }, at);
    else if (event.event !== "end") page.hear(event, at);
  }
  const told = { event: "memory", turn: 1, pools: [], shared: [] } as const;
  const process = { isHere: false, host: "<b>node1", job: "slurm:151", heldBytes: 60 * MB };
  const pools = [{ id: "ram", reservedBytes: GB, residentBytes: 60 * MB }];
  page.hear({ ...told, jars: [{ id: "subject", pools, process }] }, 100_000);
  const tab = await ready(await chromium.open(page.origin, WIDE));
  const textOf = (selector: string) =>
    tab.evaluate<string>(`document.querySelector(${JSON.stringify(selector)}).innerText`);
  const card = await textOf('[data-id="subject"]');
  assertStringIncludes(card, "In a process of its own by slurm on <b>node1 (slurm:151)");
  assertStringIncludes(card, "holds 60.00 MB");
  assertStringIncludes(card, "limit 5.50 GB, request 5.40 GB");
  assertStringIncludes(await textOf('[data-id="observer"]'), "on this machine, by process");
  assertStringIncludes(await textOf('[data-id="god"]'), "In the run's process");
  const machine = await textOf("#machine");
  assertStringIncludes(machine, "1.00 GB reserved for subject by slurm on <b>node1 (slurm:151)");
  assertStringIncludes(await textOf("#verdict"), "The jars here need 6.00 GB");
});

test("without JavaScript a sentence says what is missing", async (chromium) => {
  await using page = await openPlayedPage();
  const tab = await chromium.open(page.origin, { ...WIDE, script: false });
  let read = "";
  for (let look = 0; look < 600 && !read.includes("needs JavaScript"); look++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    read = JSON.stringify(await tab.send<{ root: unknown }>("DOM.getDocument", { depth: -1 }));
  }
  assertStringIncludes(read, "needs JavaScript");
});
