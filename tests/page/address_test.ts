import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { listenFailure, type PageAddress, readPageAddress } from "../../src/page/address.ts";
import { openPlayedPage } from "./played_page.ts";

const GOOD: Readonly<Record<string, readonly [host: string, port: number]>> = {
  "": ["127.0.0.1", 0],
  "8080": ["127.0.0.1", 8080],
  ":8080": ["127.0.0.1", 8080],
  "0": ["127.0.0.1", 0],
  localhost: ["localhost", 0],
  "localhost:8080": ["localhost", 8080],
  "0.0.0.0:8080": ["0.0.0.0", 8080],
  "[::1]": ["::1", 0],
  "[::1]:8080": ["::1", 8080],
  "[::]:65535": ["::", 65535],
  "my-box.example:80": ["my-box.example", 80],
};

const BAD: Readonly<Record<string, string>> = {
  "65536": "there is no port 65536",
  "localhost:99999": "there is no port 99999",
  "::1": "its parts can't be told apart",
  "::1:8080": "its parts can't be told apart",
  "localhost:": '"" is no port',
  "localhost:http": '"http" is no port',
  "http://localhost:8080": "it is a URL",
  "a b:80": '"a b" is no host',
  "evil.example/path": '"evil.example/path" is no host',
  "user@host:80": '"user@host" is no host',
  "999.1.1.1": '"999.1.1.1" is no host',
  "[::1]x": '"[::1]x" is no host',
  "[fe80::1%eth0]:80": '"[fe80::1%eth0]" is no host',
  "-1": '"-1" is no host',
  "\u001b[2J": " is no host",
};

Deno.test("page: the addresses that --web takes", () => {
  for (const [text, [host, port]] of Object.entries(GOOD)) {
    assertEquals(readPageAddress(text), { host, port }, text);
  }
});

Deno.test("page: what is no address is said so, with what would be one", () => {
  for (const [text, why] of Object.entries(BAD)) {
    const error = assertThrows(() => readPageAddress(text), BrainjarError, undefined, text);
    assertEquals(error.code, "invalid-page-address");
    assertEquals(error.kind, "usage");
    assertStringIncludes(error.message, why);
    assertStringIncludes(error.hint ?? "", "8080");
  }
});

Deno.test("page: why nothing can listen there", () => {
  const address: PageAddress = { host: "127.0.0.1", port: 80 };
  const cases: readonly [unknown, string][] = [
    [{ code: "EADDRINUSE" }, "page-port-in-use"],
    [{ code: "EACCES" }, "page-port-not-allowed"],
    [{ code: "EADDRNOTAVAIL" }, "page-host-not-here"],
    [new Error("failed to lookup address information"), "page-host-not-here"],
  ];
  for (const [cause, code] of cases) assertEquals(listenFailure(address, cause).code, code);
});

async function failureAt(address: string): Promise<string> {
  try {
    await using _ = await openPlayedPage({ address });
    return "none";
  } catch (error) {
    return error instanceof BrainjarError ? error.code : String(error);
  }
}

Deno.test("page: a port in use and hosts that aren't this machine, tried", async () => {
  await using one = await openPlayedPage();
  assertEquals(await failureAt(new URL(one.origin).port), "page-port-in-use");
  // Reserved for documentation: no machine has it.
  assertEquals(await failureAt("192.0.2.1:0"), "page-host-not-here");
  assertEquals(await failureAt("nowhere.invalid:0"), "page-host-not-here");
});
