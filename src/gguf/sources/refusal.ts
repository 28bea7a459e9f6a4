import type { BrainjarError } from "../../budget/error.ts";
import type { Environment } from "../environment.ts";
import { fault } from "../fault.ts";
import { hubAuthorization, hubOrigins } from "./hub_token.ts";
import { shownUrl } from "./url.ts";

/** An answer that isn't the range that was asked for. */
export interface Refusal {
  /** The URL that was given. */
  readonly url: string;
  /** Where the answer came from in the end. */
  readonly from: string;
  readonly response: Response;
  readonly environment: Environment;
}

/** Whether an answer is a page for people. */
export function isPage(response: Response): boolean {
  return /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(
    response.headers.get("content-type") ?? "",
  );
}

/** Whether a URL is that of a page about a file on the hub, by its path alone. */
export function isHubPage(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname, pathname } = new URL(url);
  return /^(www\.)?(huggingface\.co|hf\.co)$/i.test(hostname) &&
    /^\/[^/]+\/[^/]+\/blob\//.test(pathname);
}

/** The error for an answer that is a page, with the URL of the file where the page's says which. */
export function pageFault(url: string, from: string): BrainjarError {
  const led = from === url ? "" : `, after a redirect to ${shownUrl(from)}`;
  return fault(
    "gguf-http-page",
    `A web page, not a model: ${shownUrl(url)}${led}`,
    pageHint(new URL(url)),
  );
}

/** What to give instead of a page's URL, as hubs and registries build theirs. */
function pageHint(url: URL): string {
  const path = url.pathname;
  const file = url.searchParams.get("show_file_info");
  const at = (pathname: string) => `${url.origin}${pathname}`;
  if (file !== null) {
    return `Give the /resolve/ URL of the file: ${
      at(`${repositoryOf(path)}/resolve/main/${file}`)
    }`;
  }
  if (/^(www\.)?github\.com$/i.test(url.hostname) && path.includes("/blob/")) {
    return `Give the /raw/ URL of the file: ${at(path.replace("/blob/", "/raw/"))}`;
  }
  if (path.includes("/blob/")) {
    return `Give the /resolve/ URL of the file: ${at(path.replace("/blob/", "/resolve/"))}`;
  }
  if (path.includes("/file/view/")) {
    return `Give the /resolve/ URL of the file: ${at(path.replace("/file/view/", "/resolve/"))}`;
  }
  if (/^(www\.)?ollama\.com$/i.test(url.hostname)) {
    const name = path.replace(/^\/(library\/)?/, "").replace(/\/$/, "");
    return `Give ollama:${name}, once it is pulled: ollama pull ${name}`;
  }
  if (/^(www\.)?(huggingface\.co|hf\.co)$/i.test(url.hostname)) {
    const repository = repositoryOf(path).slice(1);
    return `Give a file's /resolve/ URL (https://huggingface.co/${repository}/resolve/main/FILE.gguf), ` +
      `or hf:${repository} where this machine's caches have it`;
  }
  return "Give the URL of the file itself, not of the page about it: on a hub, the /resolve/ URL";
}

/** `/ORG/REPO` of a page below it. */
function repositoryOf(path: string): string {
  return path.split("/").slice(0, 3).join("/").replace(/\/$/, "");
}

/** The error for any other answer that isn't the range that was asked for. */
export function refusal({ url, from, response, environment }: Refusal): BrainjarError {
  const { status } = response;
  if (status === 404 || status === 410) {
    return fault(
      "model-not-found",
      `Model file not found: ${shownUrl(url)}`,
      `The server answered ${status}: check the URL`,
    );
  }
  if (status === 200 || status === 206 || status === 416) {
    if (isPage(response)) return pageFault(url, from);
    return fault(
      "gguf-http-no-ranges",
      `The server can't send parts of a file (it answered ${status} to a range request): ${
        shownUrl(url)
      }`,
      "Download the file and give its path",
    );
  }
  const hint = status === 401 || status === 403
    ? whoHint({ url, from, response, environment })
    : status === 429
    ? "Too many requests: try again later"
    : status >= 500
    ? "The server is in trouble: try again later"
    : "Check the URL";
  return fault("gguf-http-status", `The server answered ${status}: ${shownUrl(url)}`, hint);
}

/** What to do where a server wants to know who asks; the hub says why (`X-Error-Code`). */
function whoHint({ url, from, response, environment }: Refusal): string {
  const { origin, pathname } = new URL(url);
  const hubs = hubOrigins(environment);
  const answered = new URL(from).origin;
  if (!hubs.includes(origin) && hubs.includes(answered)) {
    return `Give the URL on ${answered} itself: HF_TOKEN isn't sent after a redirect`;
  }
  if (origin !== answered || !hubs.includes(origin)) {
    return "The server wants to know who you are: download the file and give its path";
  }
  const page = origin + repositoryOf(pathname);
  const reason = response.headers.get("x-error-code");
  const licence = `accept its licence at ${page} with the account of the token`;
  if (hubAuthorization([url], environment).authorization === undefined) {
    const others = reason === "GatedRepo"
      ? ""
      : ", and check the name: it says so too of what isn't there";
    return `Set HF_TOKEN to a token that may read it, and ${licence}${others}`;
  }
  if (reason === "RepoNotFound") {
    return "There is no such repository, or the account of HF_TOKEN may not see it: check the name";
  }
  return response.status === 401
    ? `The hub doesn't take this HF_TOKEN: set one that is valid, and ${licence}`
    : `The token in HF_TOKEN may not read it: ${licence}, or set another token`;
}
