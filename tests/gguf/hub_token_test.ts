import { assert, assertEquals, assertMatch } from "@std/assert";
import { readHeader } from "../../src/gguf/read.ts";
import { hubAuthorization, hubOrigins } from "../../src/gguf/sources/hub_token.ts";
import { buildHeader, text } from "./build_header.ts";
import { assertFault } from "./read_bytes.ts";
import { rangeOf, serving } from "./server.ts";

const MODEL = buildHeader({
  metadata: [text("general.architecture", "llama")],
  tensors: [{ name: "a", dimensions: [64] }],
}).bytes;

const TOKEN = "hf_abcdefghijklmnop";

const environmentOf = (variables: Readonly<Record<string, string>>) => (name: string) =>
  variables[name];

const HUB = "https://huggingface.co/org/repo/resolve/main/m.gguf";

const HOPS: readonly [name: string, hops: string[], variables: object, sent: boolean][] = [
  ["the hub itself", [HUB], {}, true],
  ["the hub, to another of its paths", [HUB, "https://huggingface.co/api/m"], {}, true],
  ["the hub, and on to another host", [HUB, "https://cdn-lfs.hf.co/m?x=1"], {}, false],
  ["back from another host", [HUB, "https://elsewhere.example/", HUB], {}, false],
  ["another host that leads to the hub", ["https://elsewhere.example/", HUB], {}, false],
  ["the hub without encryption", ["http://huggingface.co/m.gguf"], {}, false],
  ["the hub at another port", ["https://huggingface.co:8443/m.gguf"], {}, false],
  ["a host that is called alike", ["https://huggingface.co.elsewhere.example/m.gguf"], {}, false],
  ["a host below it", ["https://cdn.huggingface.co/m.gguf"], {}, false],
  ["another name before an @", ["https://huggingface.co@elsewhere.example/m.gguf"], {}, false],
  ["the mirror", ["https://mirror.example/m"], { HF_ENDPOINT: "https://mirror.example/" }, true],
  ["a mirror in the clear", ["http://mirror.example/m"], {
    HF_ENDPOINT: "http://mirror.example",
  }, false],
  ["a mirror here", ["http://127.0.0.1:80/m"], { HF_ENDPOINT: "http://127.0.0.1" }, true],
  ["from the mirror to the hub", ["https://mirror.example/m", HUB], {
    HF_ENDPOINT: "https://mirror.example",
  }, false],
  ["an endpoint that is no URL", [HUB], { HF_ENDPOINT: "mirror" }, true],
  ["a token with a line break in it", [HUB], { HF_TOKEN: "hf_a\nb" }, false],
  ["a token with one behind it", [HUB], { HF_TOKEN: `${TOKEN}\n` }, true],
  ["an empty token", [HUB], { HF_TOKEN: "" }, false],
];

for (const [name, hops, variables, sent] of HOPS) {
  Deno.test(`the hub's token is ${sent ? "" : "not "}sent: ${name}`, () => {
    const environment = environmentOf({ HF_TOKEN: TOKEN, ...variables });
    assertEquals(
      hubAuthorization(hops, environment).authorization,
      sent ? `Bearer ${TOKEN}` : undefined,
    );
  });
}

Deno.test("the hub's token is sent nowhere without one", () => {
  assertEquals(hubAuthorization([HUB], () => undefined), {});
  assertEquals(hubOrigins(() => undefined), ["https://huggingface.co"]);
});

/** A server that wants the token, and one that it leads to, with what each was told. */
function servers(
  test: (hub: string, told: Record<"hub" | "store", (string | null)[]>) => Promise<unknown>,
): Promise<void> {
  const told: Record<"hub" | "store", (string | null)[]> = { hub: [], store: [] };
  return serving(
    (request, log) => {
      told.store.push(request.headers.get("authorization"));
      return rangeOf(MODEL, request, log);
    },
    (store) =>
      serving((request) => {
        const said = request.headers.get("authorization");
        told.hub.push(said);
        if (said !== `Bearer ${TOKEN}`) {
          return new Response("who?", { status: 401, headers: { "x-error-code": "GatedRepo" } });
        }
        return Response.redirect(`${store}/signed/m.gguf`, 302);
      }, (hub) => test(hub, told)),
  );
}

Deno.test("a gated model is read with the token, which doesn't go where the hub leads to", () =>
  servers(async (hub, told) => {
    const environment = environmentOf({ HF_TOKEN: TOKEN, HF_ENDPOINT: hub });
    await readHeader(`${hub}/org/repo/resolve/main/m.gguf`, { environment });
    assertEquals(told, { hub: [`Bearer ${TOKEN}`], store: [null] });
  }));

Deno.test("the caller's headers don't go where a server leads to either", () =>
  servers(async (hub, told) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "x-key": "k" };
    await readHeader(`${hub}/m.gguf`, { headers, environment: () => undefined });
    assertEquals(told.store, [null]);
  }));

Deno.test("a server that isn't the hub is told no token", () =>
  servers(async (hub, told) => {
    const environment = environmentOf({ HF_TOKEN: TOKEN });
    const error = await assertFault(
      () => readHeader(`${hub}/m.gguf`, { environment }),
      "gguf-http-status",
      "401",
    );
    assertEquals(told.hub, [null]);
    assertMatch(error.hint ?? "", /download the file/);
  }));

const REFUSALS: readonly [
  name: string,
  status: number,
  code: string,
  token: string | undefined,
  says: RegExp,
][] = [
  [
    "a gated model, no token",
    401,
    "GatedRepo",
    undefined,
    /^Set HF_TOKEN .*accept its licence at \S+\/org\/repo /,
  ],
  [
    "no such repository, no token",
    401,
    "RepoNotFound",
    undefined,
    /^Set HF_TOKEN .*check the name/,
  ],
  ["no such repository", 401, "RepoNotFound", TOKEN, /no such repository.*check the name/],
  ["a token that is no good", 401, "", TOKEN, /doesn't take this HF_TOKEN/],
  [
    "a licence that wasn't accepted",
    403,
    "GatedRepo",
    TOKEN,
    /accept its licence at \S+\/org\/repo /,
  ],
];

for (const [name, status, code, token, says] of REFUSALS) {
  Deno.test(`the hub's refusal says what to do, and no token: ${name}`, () =>
    serving(
      () => new Response("no", { status, headers: { "x-error-code": code } }),
      async (hub) => {
        const environment = environmentOf({
          HF_ENDPOINT: hub,
          ...(token === undefined ? {} : { HF_TOKEN: token }),
        });
        const error = await assertFault(
          () => readHeader(`${hub}/org/repo/resolve/main/m.gguf`, { environment }),
          "gguf-http-status",
          `${status}`,
        );
        assertMatch(error.hint ?? "", says);
        assert(!`${error.message} ${error.hint}`.includes(TOKEN));
      },
    ));
}

Deno.test("a failure shows neither a URL's secrets nor those of what it leads to", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/m.gguf?signature=secret`;
  listener.close();
  // What the runtime says of it has the secret, which makes this worth a test.
  const said = await fetch(closed).catch((error) => `${error.message} ${error.cause?.message}`);
  assertMatch(`${said}`, /secret/);
  await serving(() => Response.redirect(closed, 302), async (origin) => {
    for (const url of [`${origin}/m.gguf?token=secret`, closed]) {
      const error = await assertFault(() => readHeader(url), "gguf-http-failed");
      assert(!`${error.message} ${error.hint}`.includes("secret"), `${error.hint}`);
      assertMatch(error.hint ?? "", /refused/);
    }
  });
});

const PAGES: readonly [path: string, says: string][] = [
  [
    "/org/repo/blob/main/a/m.gguf",
    "Give the /resolve/ URL of the file: ORIGIN/org/repo/resolve/main/a/m.gguf",
  ],
  [
    "/org/repo?show_file_info=m.gguf",
    "Give the /resolve/ URL of the file: ORIGIN/org/repo/resolve/main/m.gguf",
  ],
  [
    "/models/org/repo/file/view/master/m.gguf",
    "Give the /resolve/ URL of the file: ORIGIN/models/org/repo/resolve/master/m.gguf",
  ],
  [
    "/login",
    "Give the URL of the file itself, not of the page about it: on a hub, the /resolve/ URL",
  ],
];

for (const [path, says] of PAGES) {
  for (const status of [200, 206]) {
    Deno.test(`a page instead of a model: ${path}, ${status}`, () =>
      serving(
        () =>
          new Response("<!DOCTYPE html>", {
            status,
            headers: {
              "content-type": "text/html; charset=utf-8",
              ...(status === 206 ? { "content-range": "bytes 0-14/15" } : {}),
            },
          }),
        async (origin) => {
          const error = await assertFault(
            () => readHeader(origin + path),
            "gguf-http-page",
            "A web page, not a model",
          );
          assertEquals(error.hint, says.replace("ORIGIN", origin));
        },
      ));
  }
}

Deno.test("a model that is sent as a page is one", () =>
  serving((request, log) => {
    const response = rangeOf(MODEL, request, log);
    response.headers.set("content-type", "text/html");
    return response;
  }, async (origin) => {
    assertEquals((await readHeader(`${origin}/m.gguf`)).tensors.length, 1);
  }));
