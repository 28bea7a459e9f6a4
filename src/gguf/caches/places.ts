import { type Environment, expandHome } from "../environment.ts";

/** Where caches are looked for. */
export interface CachePlaces {
  readonly environment: Environment;
  /** The folder that stands for `/`. */
  readonly root: string;
}

/**
 * Folders of Hugging Face's hub, as its library finds them (huggingface_hub's constants.py).
 */
export function hubFolders({ environment }: CachePlaces): string[] {
  const named = environment("HF_HUB_CACHE") || environment("HUGGINGFACE_HUB_CACHE");
  if (named) return [expandHome(named, environment)];
  const home = environment("HF_HOME");
  if (home) return [`${expandHome(home, environment)}/hub`];
  return cacheHome(environment).map((folder) => `${folder}/huggingface/hub`);
}

/** The folder of llama.cpp's own downloads (common.cpp, `fs_get_cache_directory`). */
export function llamaCppFolders({ environment }: CachePlaces): string[] {
  const named = environment("LLAMA_CACHE");
  if (named) return [expandHome(named, environment)];
  if (Deno.build.os === "darwin") return inHome(environment, ["Library/Caches/llama.cpp"]);
  return cacheHome(environment).map((folder) => `${folder}/llama.cpp`);
}

/** LM Studio's folders of models, the newer one first. */
export function lmStudioFolders({ environment }: CachePlaces): string[] {
  return inHome(environment, [".lmstudio/models", ".cache/lm-studio/models"]);
}

/**
 * Ollama's folders of models (its FAQ): the one that is named, else the user's and that of the
 * service on Linux.
 */
export function ollamaFolders({ environment, root }: CachePlaces): string[] {
  const named = environment("OLLAMA_MODELS");
  if (named) return [expandHome(named, environment)];
  return [
    ...inHome(environment, [".ollama/models"]),
    `${root}/usr/share/ollama/.ollama/models`,
  ];
}

function cacheHome(environment: Environment): string[] {
  const named = environment("XDG_CACHE_HOME");
  return named ? [named] : inHome(environment, [".cache"]);
}

function inHome(environment: Environment, paths: readonly string[]): string[] {
  const home = environment("HOME") ?? environment("USERPROFILE");
  return home ? paths.map((path) => `${home}/${path}`) : [];
}
