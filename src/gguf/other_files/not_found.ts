import { isBeside } from "../../llama_cpp/models/beside_models.ts";
import { namesIn } from "../caches/folder.ts";
import { listNames } from "../list_names.ts";
import { shellWord } from "./shell_word.ts";

/** What to do about a path that leads nowhere, by what it looks like. */
export function notFoundHint(path: string): string {
  const target = brokenLink(path);
  if (target !== undefined) {
    return `It is a link to ${target}, which isn't there: download the model again, or mend the link`;
  }
  const meant = meantName(path);
  return meant === undefined ? "Check the path of the model" : `Did you mean "${meant}"?`;
}

function brokenLink(path: string): string | undefined {
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The name in a cache or the URL that was meant by what isn't a path: a hub's name without `hf:`, a
 * registry's without `ollama:`, an address without `https://`.
 *
 * @example
 * ```ts
 * import { meantName } from "./not_found.ts";
 * if (meantName("llama3.2:1b") !== "ollama:llama3.2:1b") throw new Error("A registry's name");
 * if (meantName("org/repo-GGUF:Q4_K_M") !== "hf:org/repo-GGUF:Q4_K_M") throw new Error("A hub's");
 * if (meantName("models/m.gguf") !== undefined) throw new Error("A path");
 * ```
 */
export function meantName(path: string): string | undefined {
  const page = /^(?:www\.)?(huggingface\.co|hf\.co|ollama\.com)\/(.+)$/i.exec(path);
  if (page !== null) return meantPage(page[1] ?? "", page[2] ?? "");
  // The name of a file is a path; so is what leads up or begins at a folder.
  if (/\.gguf$/i.test(path) || /^[./\\~]|\\|\/\//.test(path)) return undefined;
  const [, folder, name = ""] = /^(?:([\w.-]+)\/)?([\w.-]+(?::[\w.-]+)?)$/.exec(path) ?? [];
  if (name === "") return undefined;
  return folder === undefined ? `ollama:${name}` : `hf:${folder}/${name}`;
}

function meantPage(host: string, rest: string): string {
  if (/^ollama/i.test(host)) return `ollama:${rest.replace(/^library\//, "")}`;
  return /\/(resolve|blob|tree)\//.test(rest)
    ? `https://huggingface.co/${rest.replace("/blob/", "/resolve/")}`
    : `hf:${rest}`;
}

/** What to do about a folder: its model by name, where there is one. */
export function directoryHint(path: string): string {
  const names = namesIn(path);
  const models = names.filter((name) => isModelName(name));
  const folder = path.replace(/[/\\]$/, "");
  const [first] = models;
  if (first !== undefined) {
    return models.length === 1
      ? `Give the file in it: ${folder}/${first}`
      : `Give one of the files in it: ${listNames(models)}`;
  }
  const cached = /models--([^/\\]+)--([^/\\]+)(?:[/\\]|$)/.exec(path);
  if (cached !== null) return `It is a hub's cache: give hf:${cached[1]}/${cached[2]}`;
  if (names.includes("adapter_config.json")) {
    return "It holds a LoRA adapter: give the GGUF file of the model that it adapts";
  }
  if (names.some((name) => /\.(safetensors|bin|pt|pth)$/.test(name))) {
    return "It holds a model for other programs: convert it with llama.cpp's convert_hf_to_gguf.py " +
      `${shellWord(folder)}, or download it as GGUF`;
  }
  return "Give a .gguf file: there is none in it";
}

/** What to give instead of a file that is no model: what lies beside it, where that is a model. */
export function modelsBeside(path: string): string | undefined {
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const folder = path.slice(0, at);
  const models = namesIn(folder || ".").filter((name) =>
    isModelName(name) && name !== path.slice(at)
  );
  return models.length === 0 ? undefined : listNames(models);
}

/** Whether a file is called as a model is, and not as what lies beside models. */
function isModelName(name: string): boolean {
  return /\.gguf$/i.test(name) && !isBeside(name) &&
    !/(^|[-_.])(lora|adapter|controlvector|control-vector|vocab)([-_.]|$)/i.test(name);
}
