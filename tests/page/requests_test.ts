import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ASSET_PATHS } from "../../src/page/assets.ts";
import { CONTROL_PATHS } from "../../src/page/controls_requests.ts";
import { MOST_READERS, Readers } from "../../src/page/readers.ts";
import { Updates } from "../../src/page/updates.ts";
import { openPlayedPage, type PlayedPage } from "./played_page.ts";

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Asks as bytes, since a client of its own wouldn't send a wrong Host. */
async function ask(
  { origin }: PlayedPage,
  line: string,
  headers: Readonly<Record<string, string>> = {},
  body = "",
): Promise<Answer> {
  const { hostname, port, host } = new URL(origin);
  using connection = await Deno.connect({
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port),
  });
  const all = {
    host,
    connection: "close",
    ...(body === "" ? {} : { "content-length": String(body.length) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const text = `${line} HTTP/1.1\r\n${lines}\r\n${body}`;
  await connection.write(new TextEncoder().encode(text));
  const answer = await new Response(connection.readable).text();
  const [head = "", ...rest] = answer.split("\r\n\r\n");
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, body: rest.join("\r\n\r\n") };
}

const JSON_TYPE = { "content-type": "application/json" };

/** What is asked, what stands in its head besides, and the answer's status and code. */
type Case = readonly [
  line: string,
  headers: (page: PlayedPage) => Readonly<Record<string, string>>,
  status: number,
  code?: string,
];

const bearer = ({ token }: PlayedPage) => ({ authorization: `Bearer ${token}` });
const own = (page: PlayedPage) => ({ origin: page.origin, ...bearer(page), ...JSON_TYPE });

const CASES: readonly Case[] = [
  // Methods and paths are exact.
  ["GET /", () => ({}), 200],
  ["HEAD /", () => ({}), 200],
  ["GET /index.html", () => ({}), 404, "not-found"],
  ["GET /../deno.json", () => ({}), 404, "not-found"],
  ["GET /%2e%2e/open_page.ts", () => ({}), 404, "not-found"],
  ["GET /constructor", () => ({}), 404, "not-found"],
  ["GET //evil.example/", () => ({}), 404, "not-found"],
  ["GET /controls/__proto__", () => ({}), 404, "not-found"],
  ["DELETE /", bearer, 405, "wrong-method"],
  ["OPTIONS /controls/kill", () => ({ origin: "http://evil.example" }), 403, "other-origin"],
  ["POST /events", bearer, 405, "wrong-method"],
  ["GET /controls/kill", bearer, 405, "wrong-method"],
  ["PUT /controls/kill", own, 405, "wrong-method"],
  // Another name leads here: DNS rebinding.
  ["GET /", () => ({ host: "evil.example" }), 421, "other-host"],
  ["GET /", () => ({ host: "localhost.evil.example:80" }), 421, "other-host"],
  ["GET /", () => ({ host: "127.0.0.1.evil.example" }), 421, "other-host"],
  ["GET /", () => ({ host: "127.0.0.1:80@evil.example" }), 421, "other-host"],
  ["GET /", () => ({ host: "" }), 421, "other-host"],
  ["GET /", () => ({ host: "localhost:4000" }), 200],
  ["GET /", () => ({ host: "[::1]:4000" }), 200],
  // Tokens.
  ["GET /report", () => ({}), 200],
  ["GET /report", (page) => ({ authorization: `Bearer ${page.token}x` }), 401, "wrong-token"],
  ["GET /report", () => ({ authorization: "Bearer x" }), 401, "wrong-token"],
  ["GET /prompt?id=subject", () => ({}), 401, "no-token"],
  ["GET /prompt?id=subject", bearer, 200],
  ["GET /prompt?id=god", bearer, 404, "no-prompt"],
  ["POST /controls/quit", (page) => ({ origin: page.origin, ...JSON_TYPE }), 401, "no-token"],
  ["POST /controls/quit", () => ({ authorization: "Bearer x", ...JSON_TYPE }), 401, "wrong-token"],
  ["POST /controls/quit", (page) => ({ cookie: `token=${page.token}` }), 401, "no-token"],
  // A page of another origin, with the token or without it.
  [
    "POST /controls/quit",
    (p) => ({ ...own(p), origin: "http://evil.example" }),
    403,
    "other-origin",
  ],
  ["POST /controls/quit", (p) => ({ ...own(p), origin: "null" }), 403, "other-origin"],
  [
    "POST /controls/quit",
    (p) => ({ ...own(p), origin: "http://127.0.0.1:1" }),
    403,
    "other-origin",
  ],
  [
    "POST /controls/quit",
    (p) => ({ ...own(p), origin: p.origin.replace("http", "https") }),
    403,
    "other-origin",
  ],
  [
    "GET /events",
    () => ({ "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }),
    403,
    "other-origin",
  ],
  [
    "GET /",
    () => ({
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    }),
    200,
  ],
  [
    "GET /",
    () => ({
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "iframe",
    }),
    403,
    "other-origin",
  ],
];

Deno.test("page: who may ask for what", async () => {
  await using page = await openPlayedPage();
  for (const [line, headers, status, code] of CASES) {
    const answer = await ask(page, line, headers(page));
    assertEquals(answer.status, status, `${line} ${JSON.stringify(headers(page))}`);
    if (code !== undefined) assertEquals(JSON.parse(answer.body).code, code, line);
  }
  assertEquals(page.asked, []);
});

Deno.test("page: every answer keeps browsers from what isn't the page's", async () => {
  await using page = await openPlayedPage();
  for (const path of [...ASSET_PATHS, "/report", "/nothing"]) {
    const { head } = await ask(page, `GET ${path}`);
    assertStringIncludes(head, "content-security-policy: default-src 'none'; script-src 'self'");
    assertStringIncludes(head, "frame-ancestors 'none'");
    assertStringIncludes(head, "x-content-type-options: nosniff");
    assertStringIncludes(head, "referrer-policy: no-referrer");
    assert(!/access-control/i.test(head), "No other origin may read it");
  }
});

Deno.test("page: every file of it is served, and nothing else is", async () => {
  const folder = new URL("../../src/page/assets/", import.meta.url);
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => `/${name}`);
  const served = ASSET_PATHS.map((path) => path === "/" ? "/index.html" : path);
  assertEquals(served.toSorted(), names.toSorted());
});

Deno.test("page: its files name no other host, and hold no markup of their own making", async () => {
  await using page = await openPlayedPage();
  for (const path of ASSET_PATHS) {
    const { body } = await ask(page, `GET ${path}`);
    const addresses = body.match(/https?:\/\/[^"'\s)]+/g) ?? [];
    assertEquals(addresses.filter((address) => address !== "http://www.w3.org/2000/svg"), [], path);
    assert(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/.test(body), path);
    assert(!/<[^>]+\s(?:on\w+|style)=/.test(body), `${path} has what its policy forbids`);
  }
});

/** A request's path and body, and what the controls then were asked for, or the answer's code. */
const POSTS: readonly (readonly [path: string, body: string, asked: string])[] = [
  ["pause", "{}", "pause"],
  ["resume", "{}", "resume"],
  ["quit", "{}", "quit"],
  ["kill", '{"id":"subject"}', "kill subject"],
  ["whisper", '{"text":"Wake <b>up</b>"}', "whisper Wake <b>up</b>"],
  ["prompt", '{"id":"god","text":"You are"}', "prompt god You are"],
  ["pace", '{"wordsPerMinute":130}', "pace 130"],
  ["pace", '{"wordsPerMinute":null}', "pace undefined"],
  ["pace", '{"step":"slower"}', "pace 1000"],
  ["pace", '{"step":"faster"}', "pace undefined"],
  ["pace", '{"wordsPerMinute":-1}', "wrong-request"],
  ["pace", '{"wordsPerMinute":"1"}', "wrong-request"],
  ["pace", '{"wordsPerMinute":1e999}', "wrong-request"],
  ["kill", "{}", "wrong-request"],
  ["kill", '{"id":7}', "wrong-request"],
  ["kill", '["subject"]', "wrong-request"],
  ["kill", "null", "wrong-request"],
  ["kill", "{", "wrong-request"],
  ["kill", '"subject"', "wrong-request"],
  ["kill", '{"__proto__":{"id":"subject"}}', "wrong-request"],
  ["speed", '{"speed":2}', "not-done"],
  ["turn", '{"turn":2}', "not-done"],
];

/** The same of a replay that is played as fast as it was: bodies for a speed, and what it is then. */
const SPEEDS: readonly (readonly [body: string, speed: number | "wrong-request"])[] = [
  ['{"step":"faster"}', 2],
  ['{"step":"slower"}', 0.5],
  ['{"speed":3}', 3],
  ['{"speed":null}', Infinity],
  ['{"speed":0}', "wrong-request"],
  ['{"speed":1001}', "wrong-request"],
  ["{}", "wrong-request"],
];

Deno.test("page: a replay's speed has the screen's steps and bounds", async () => {
  let speed: unknown;
  const replay = { speed: 1, setSpeed: (to: number) => speed = to, lastTurn: 3, goTo: () => {} };
  await using page = await openPlayedPage({ answers: { replay } });
  for (const [body, wanted] of SPEEDS) {
    speed = undefined;
    const answer = await ask(page, "POST /controls/speed", own(page), body);
    assertEquals(speed ?? JSON.parse(answer.body).code, wanted, body);
  }
});

Deno.test("page: what its buttons ask for is done, and nothing else", async () => {
  await using page = await openPlayedPage();
  for (const [path, body, asked] of POSTS) {
    const before = page.asked.length;
    const answer = await ask(page, `POST /controls/${path}`, own(page), body);
    const got = answer.status === 204 ? page.asked.at(-1) : JSON.parse(answer.body).code;
    assertEquals(got, asked, `${path} ${body}`);
    assertEquals(page.asked.length - before, answer.status === 204 ? 1 : 0);
  }
  const paths = new Set(POSTS.map(([path]) => `/controls/${path}`));
  assertEquals([...paths].toSorted(), CONTROL_PATHS.toSorted());
});

Deno.test("page: what can't be done is said in the control's words", async () => {
  await using page = await openPlayedPage({
    answers: { kill: (id) => `No jar is called "${id}"` },
  });
  const { status, body } = await ask(page, "POST /controls/kill", own(page), '{"id":"x"}');
  assertEquals([status, JSON.parse(body)], [409, {
    code: "not-done",
    message: 'No jar is called "x"',
  }]);
});

Deno.test("page: a request that is too long, or no JSON, is refused unread", async () => {
  await using page = await openPlayedPage();
  const long = JSON.stringify({ text: "a".repeat(70_000) });
  const said = await ask(page, "POST /controls/whisper", own(page), long);
  assertEquals([said.status, page.asked.length], [413, 0]);
  const streamed = await fetch(`${page.origin}/controls/whisper`, {
    method: "POST",
    headers: own(page),
    body: new Blob([long]).stream(),
  });
  await streamed.body?.cancel();
  assertEquals(streamed.status, 413);
  const form = { ...own(page), "content-type": "text/plain" };
  assertEquals((await ask(page, "POST /controls/quit", form, "{}")).status, 415);
  assertEquals(page.asked, []);
});

Deno.test("page: what isn't this machine alone demands the token to read, too", async () => {
  await using page = await openPlayedPage({ address: "0.0.0.0" });
  assertEquals(page.page.readUrl, undefined);
  const { port } = new URL(page.origin);
  const local = { ...page, origin: `http://127.0.0.1:${port}` };
  for (const path of ["/events", "/report", "/prompt?id=subject"]) {
    assertEquals((await ask(local, `GET ${path}`)).status, 401, path);
  }
  assertEquals((await ask(local, "GET /report", bearer(page))).status, 200);
  // The page itself has nothing of the run.
  assertEquals((await ask(local, "GET /")).status, 200);
});

Deno.test("page: what is printed has the token where browsers send it to nobody", async () => {
  await using page = await openPlayedPage({ address: "localhost" });
  assertMatch(page.page.readUrl ?? "", /^http:\/\/localhost:\d+\/$/);
  assertMatch(page.page.controlUrl, /^http:\/\/localhost:\d+\/#[\w-]{24}$/);
  await using other = await openPlayedPage();
  assert(other.token !== page.token);
});

Deno.test("page: one reader more than there may be is asked to come later", () => {
  const readers = new Readers(new Updates(() => ({})), { after: () => () => {} });
  const outlet = { write: () => true, end() {}, destroy() {} };
  const all = Array.from({ length: MOST_READERS }, () => readers.open(outlet, {}, undefined));
  assert(readers.isFull);
  all[0]?.left();
  assert(!readers.isFull);
  readers.close();
  assert(readers.isFull, "A page that is closed lets nobody in");
});
