import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { locateModel } from "../../src/gguf/locate.ts";
// Loaded while it may be read.
import "../../src/gguf/caches/find.ts";
import { assertFault } from "./read_bytes.ts";

const HOME = "home/me";
const HUB = `${HOME}/.cache/huggingface/hub`;
const REVISION = "0123456789abcdef0123456789abcdef01234567";
const OLDER = "fedcba9876543210fedcba9876543210fedcba98";
const DIGEST = "ab".repeat(32);
const SERVICE = "usr/share/ollama/.ollama/models";

/** A manifest of Ollama whose model is a blob. */
const manifest = (digest = DIGEST, mediaType = "application/vnd.ollama.image.model") =>
  JSON.stringify({
    schemaVersion: 2,
    layers: [
      { mediaType: "application/vnd.ollama.image.license", digest: `sha256:${"0".repeat(64)}` },
      { mediaType, digest: `sha256:${digest}` },
    ],
  });

/** Files by path, a link as `-> target`; what is found is where they lie below the root. */
type Tree = Readonly<Record<string, string>>;

interface Case {
  readonly name: string;
  readonly tree: Tree;
  readonly given: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** Where it is found, below the root. */
  readonly found?: string;
  /** Else the error's code, its message, and what its hint says. */
  readonly fails?: readonly [code: string, message: string, hint: RegExp];
}

const repository = (name: string, files: readonly string[], revision = REVISION): Tree =>
  Object.fromEntries([
    [`${HUB}/${name}/refs/main`, REVISION],
    ...files.flatMap((file, index) => [
      [`${HUB}/${name}/blobs/blob${index}-${revision}`, `${file} of ${revision}`],
      [
        `${HUB}/${name}/snapshots/${revision}/${file}`,
        `-> ${"../".repeat(file.split("/").length + 1)}blobs/blob${index}-${revision}`,
      ],
    ]),
  ]);

const ONE = repository("models--org--repo-GGUF", ["m-Q4_K_M.gguf", "mmproj-F16.gguf", "README.md"]);
const TWO = repository("models--org--repo-GGUF", ["m-Q4_K_M.gguf", "m-Q8_0.gguf", "m-BF16.gguf"]);
const SNAPSHOT = `${HUB}/models--org--repo-GGUF/snapshots/${REVISION}`;

const CASES: readonly Case[] = [
  {
    name: "the only model of a repository, its projector left aside",
    tree: ONE,
    given: "hf:org/repo-GGUF",
    found: `${SNAPSHOT}/m-Q4_K_M.gguf`,
  },
  {
    name: "a quantization in letters of another case",
    tree: TWO,
    given: "hf:org/repo-GGUF:q8_0",
    found: `${SNAPSHOT}/m-Q8_0.gguf`,
  },
  {
    name: "a repository in letters of another case, by another prefix",
    tree: TWO,
    given: "huggingface:Org/Repo-gguf:Q8_0",
    found: `${SNAPSHOT}/m-Q8_0.gguf`,
  },
  {
    name: "a file by its name, with slashes before the repository",
    tree: TWO,
    given: "hf://org/repo-GGUF/m-Q8_0.gguf",
    found: `${SNAPSHOT}/m-Q8_0.gguf`,
  },
  {
    name: "the projector where it is named: it will be called what it is",
    tree: ONE,
    given: "hf:org/repo-GGUF/mmproj-F16.gguf",
    found: `${SNAPSHOT}/mmproj-F16.gguf`,
  },
  {
    name: "F16 isn't BF16",
    tree: TWO,
    given: "hf:org/repo-GGUF:F16",
    fails: [
      "model-not-found",
      "Model \"hf:org/repo-GGUF:F16\" isn't in this machine's caches, other files of its repository are",
      /^Name one of them: hf:org\/repo-GGUF\/m-BF16.gguf, .*\. Fetch it with: hf download org\/repo-GGUF --include '\*F16\*\.gguf' \(looked in /,
    ],
  },
  {
    name: "several files that a name may mean",
    tree: TWO,
    given: "hf:org/repo-GGUF",
    fails: [
      "model-ambiguous",
      'Model "hf:org/repo-GGUF" is several files of this machine\'s caches',
      /^Name one of them: hf:org\/repo-GGUF\/m-BF16\.gguf, hf:org\/repo-GGUF\/m-Q4_K_M\.gguf, hf:org\/repo-GGUF\/m-Q8_0\.gguf$/,
    ],
  },
  {
    name: "the first part of a split model in a folder, by its quantization",
    tree: repository("models--org--repo", [
      "Q4_K_M/m-Q4_K_M-00001-of-00002.gguf",
      "Q4_K_M/m-Q4_K_M-00002-of-00002.gguf",
      "Q8_0/m-Q8_0-00001-of-00001.gguf",
    ]),
    given: "hf:org/repo:Q4_K_M",
    found: `${HUB}/models--org--repo/snapshots/${REVISION}/Q4_K_M/m-Q4_K_M-00001-of-00002.gguf`,
  },
  {
    name: "a later part that is named stands for the first",
    tree: repository("models--org--repo", ["a/m-00001-of-00002.gguf", "a/m-00002-of-00002.gguf"]),
    given: "hf:org/repo/a/m-00002-of-00002.gguf",
    found: `${HUB}/models--org--repo/snapshots/${REVISION}/a/m-00001-of-00002.gguf`,
  },
  {
    name: "files of one name in several folders are several",
    tree: repository("models--org--repo", ["Q4_0/m.gguf", "Q8_0/m.gguf"]),
    given: "hf:org/repo:Q8_0",
    found: `${HUB}/models--org--repo/snapshots/${REVISION}/Q8_0/m.gguf`,
  },
  {
    name: "what main is now comes before older revisions",
    tree: {
      ...repository("models--org--repo", ["m.gguf"], OLDER),
      ...repository("models--org--repo", ["m.gguf"]),
    },
    given: "hf:org/repo",
    found: `${HUB}/models--org--repo/snapshots/${REVISION}/m.gguf`,
  },
  {
    name: "a file that an older revision alone has",
    tree: {
      ...repository("models--org--repo", ["m-Q8_0.gguf"]),
      ...repository("models--org--repo", ["m-Q4_0.gguf"], OLDER),
    },
    given: "hf:org/repo:Q4_0",
    found: `${HUB}/models--org--repo/snapshots/${OLDER}/m-Q4_0.gguf`,
  },
  {
    name: "a quantization of its own before one with more before it",
    tree: repository("models--org--repo", ["m-Q4_K_XL.gguf", "m-UD-Q4_K_XL.gguf"]),
    given: "hf:org/repo:Q4_K_XL",
    found: `${HUB}/models--org--repo/snapshots/${REVISION}/m-Q4_K_XL.gguf`,
  },
  ...([
    ["HF_HUB_CACHE", "ROOT/else", "else"],
    ["HUGGINGFACE_HUB_CACHE", "ROOT/else", "else"],
    ["HF_HOME", "ROOT/else", "else/hub"],
    ["HF_HOME", "~/else", `${HOME}/else/hub`],
    ["XDG_CACHE_HOME", "ROOT/else", "else/huggingface/hub"],
  ] as const).map(([variable, value, folder]): Case => ({
    name: `the hub's cache as $${variable} names it`,
    tree: { [`${folder}/models--org--repo/snapshots/${REVISION}/m.gguf`]: "m" },
    given: "hf:org/repo",
    variables: { [variable]: value },
    found: `${folder}/models--org--repo/snapshots/${REVISION}/m.gguf`,
  })),
  {
    name: "llama.cpp's own cache, where folders are part of the name",
    tree: { [`${HOME}/.cache/llama.cpp/org_repo_Q8_0_m-Q8_0.gguf`]: "m" },
    given: "hf:org/repo/Q8_0/m-Q8_0.gguf",
    found: `${HOME}/.cache/llama.cpp/org_repo_Q8_0_m-Q8_0.gguf`,
  },
  {
    name: "llama.cpp's own cache as $LLAMA_CACHE names it",
    tree: { "else/org_repo_m-Q8_0.gguf": "m", "else/org_repo_m-Q8_0.gguf.json": "{}" },
    given: "hf:org/repo:Q8_0",
    variables: { LLAMA_CACHE: "ROOT/else" },
    found: "else/org_repo_m-Q8_0.gguf",
  },
  {
    name: "llama.cpp's own cache as it came to keep it, a draft of the model left aside",
    tree: {
      [`else/models--org--repo/snapshots/${REVISION}/m.gguf`]: "m",
      [`else/models--org--repo/snapshots/${REVISION}/mtp-m.gguf`]: "m",
    },
    given: "hf:org/repo",
    variables: { LLAMA_CACHE: "ROOT/else" },
    found: `else/models--org--repo/snapshots/${REVISION}/m.gguf`,
  },
  ...[".lmstudio/models", ".cache/lm-studio/models"].map((folder): Case => ({
    name: `LM Studio's ${folder}`,
    tree: { [`${HOME}/${folder}/org/repo/m-Q8_0.gguf`]: "m" },
    given: "hf:org/repo",
    found: `${HOME}/${folder}/org/repo/m-Q8_0.gguf`,
  })),
  {
    name: "a model that Ollama pulled from the hub",
    tree: {
      [`${HOME}/.ollama/models/manifests/hf.co/org/repo/Q8_0`]: manifest(),
      [`${HOME}/.ollama/models/blobs/sha256-${DIGEST}`]: "m",
    },
    given: "hf:org/repo:q8_0",
    found: `${HOME}/.ollama/models/blobs/sha256-${DIGEST}`,
  },
  {
    name: "one file in two caches is one",
    tree: { ...ONE, [`${HOME}/.cache/llama.cpp/org_repo-GGUF_m-Q4_K_M.gguf`]: "m" },
    given: "hf:org/repo-GGUF",
    found: `${SNAPSHOT}/m-Q4_K_M.gguf`,
  },
  {
    name: "nothing of a repository: what would fetch it, and where it was looked for",
    tree: {},
    given: "hf:org/repo-GGUF:Q4_K_M",
    fails: [
      "model-not-found",
      "Model \"hf:org/repo-GGUF:Q4_K_M\" isn't in this machine's caches",
      /^Fetch it with: hf download org\/repo-GGUF --include '\*Q4_K_M\*\.gguf' \(looked in \S+\/\.cache\/huggingface\/hub, \S+\/\.cache\/llama\.cpp, \S+\/\.lmstudio\/models, \S+\/\.cache\/lm-studio\/models, \S+\/\.ollama\/models, \S+\/usr\/share\/ollama\/\.ollama\/models\)$/,
    ],
  },
  {
    name: "a file that isn't there",
    tree: {},
    given: "hf:org/repo/a/m.gguf",
    fails: [
      "model-not-found",
      "Model \"hf:org/repo/a/m.gguf\" isn't in this machine's caches",
      /^Fetch it with: hf download org\/repo a\/m\.gguf \(/,
    ],
  },
  {
    name: "a part that isn't there: all parts would be fetched",
    tree: {},
    given: "hf:org/repo/m-00001-of-00002.gguf",
    fails: [
      "model-not-found",
      "Model \"hf:org/repo/m-00001-of-00002.gguf\" isn't in this machine's caches",
      /^Fetch it with: hf download org\/repo --include 'm-\*\.gguf' \(/,
    ],
  },
  {
    name: "a repository of safetensors",
    tree: repository("models--org--repo", ["model.safetensors", "config.json"]),
    given: "hf:org/repo",
    fails: [
      "model-not-found",
      'Model "hf:org/repo" is in this machine\'s caches as safetensors, not as GGUF',
      /-GGUF.*convert_hf_to_gguf\.py/,
    ],
  },
  {
    name: "a repository whose model is cut into pieces",
    tree: repository("models--org--repo", ["a/m.gguf.part1of2", "a/m.gguf.part2of2"]),
    given: "hf:org/repo",
    fails: [
      "model-not-found",
      'Model "hf:org/repo" is in this machine\'s caches in pieces',
      /brainjar check --model hf:org\/repo\/a\/m\.gguf\.part1of2 says how$/,
    ],
  },
  {
    name: "a piece that is named: what it is will be said when it is read",
    tree: repository("models--org--repo", ["m.gguf.part1of2", "m.gguf.part2of2"]),
    given: "hf:org/repo/m.gguf.part2of2",
    found: `${HUB}/models--org--repo/snapshots/${REVISION}/m.gguf.part2of2`,
  },
  {
    name: "a split model of which a part isn't there",
    tree: repository("models--org--repo", ["a/m-00001-of-00002.gguf"]),
    given: "hf:org/repo",
    fails: [
      "model-not-found",
      `Model "hf:org/repo" isn't in this machine's caches as a whole: parts are missing beside ROOT/${HUB}/models--org--repo/snapshots/${REVISION}/a/m-00001-of-00002.gguf`,
      /^Fetch them with: hf download org\/repo --include 'a\/m-\*\.gguf'$/,
    ],
  },
  {
    name: "a download that hasn't ended",
    tree: { [`${HUB}/models--org--repo/blobs/abc.incomplete`]: "GGUF" },
    given: "hf:org/repo:Q8_0",
    fails: [
      "model-not-found",
      "Model \"hf:org/repo:Q8_0\" isn't in this machine's caches as a whole: its download hasn't ended",
      /^Let it end, or let it go on with: hf download org\/repo --include '\*Q8_0\*\.gguf'$/,
    ],
  },
  {
    name: "a link whose blob is gone",
    tree: { [`${SNAPSHOT}/m.gguf`]: "-> ../../blobs/gone" },
    given: "hf:org/repo-GGUF",
    fails: [
      "model-not-found",
      "Model \"hf:org/repo-GGUF\" isn't in this machine's caches",
      /^Fetch it with: /,
    ],
  },
  ...["hf:", "hf:org/../etc", "hf:org/repo:", "hf:org/repo/../../x.gguf", "hf:org//repo"].map(
    (given): Case => ({
      name: `a name that no hub has: ${given}`,
      tree: {},
      given,
      fails: ["invalid-model-name", `Model can't be named "${given}"`, /^Write hf:ORG\/REPO, /],
    }),
  ),
  {
    name: "Ollama's model by name and tag",
    tree: {
      [`${HOME}/.ollama/models/manifests/registry.ollama.ai/library/llama3.2/1b`]: manifest(),
      [`${HOME}/.ollama/models/blobs/sha256-${DIGEST}`]: "m",
    },
    given: "ollama:llama3.2:1b",
    found: `${HOME}/.ollama/models/blobs/sha256-${DIGEST}`,
  },
  {
    name: "Ollama's latest where no tag is said, in the service's folder",
    tree: {
      [`${SERVICE}/manifests/registry.ollama.ai/library/llama3.2/latest`]: manifest(),
      [`${SERVICE}/blobs/sha256-${DIGEST}`]: "m",
    },
    given: "ollama:llama3.2",
    found: `${SERVICE}/blobs/sha256-${DIGEST}`,
  },
  {
    name: "Ollama's folder as $OLLAMA_MODELS names it, a namespace, a blob as it was called before",
    tree: {
      "else/manifests/registry.ollama.ai/me/m/7b": manifest(),
      [`else/blobs/sha256:${DIGEST}`]: "m",
    },
    given: "ollama:me/m:7b",
    variables: { OLLAMA_MODELS: "ROOT/else" },
    found: `else/blobs/sha256:${DIGEST}`,
  },
  {
    name: "Ollama's model from another registry",
    tree: {
      "else/manifests/hf.co/org/repo-GGUF/Q8_0": manifest(),
      [`else/blobs/sha256-${DIGEST}`]: "m",
    },
    given: "ollama:hf.co/org/repo-GGUF:Q8_0",
    variables: { OLLAMA_MODELS: "ROOT/else" },
    found: `else/blobs/sha256-${DIGEST}`,
  },
  {
    name: "Ollama has other tags",
    tree: {
      [`${HOME}/.ollama/models/manifests/registry.ollama.ai/library/llama3.2/1b`]: manifest(),
      [`${HOME}/.ollama/models/manifests/registry.ollama.ai/library/llama3.2/3b`]: manifest(),
    },
    given: "ollama:llama3.2",
    fails: [
      "model-not-found",
      "Model \"ollama:llama3.2\" isn't among Ollama's on this machine",
      /^Here there are ollama:llama3\.2:1b, ollama:llama3\.2:3b\. Fetch it with: ollama pull llama3\.2 \(looked in \S+\/\.ollama\/models, \S+\/usr\/share\/ollama\/\.ollama\/models\)$/,
    ],
  },
  {
    name: "Ollama's list without the file",
    tree: {
      [`${HOME}/.ollama/models/manifests/registry.ollama.ai/library/m/1b`]: manifest(),
    },
    given: "ollama:m:1b",
    fails: [
      "model-not-found",
      'Model "ollama:m:1b" is in Ollama\'s list without its file',
      /^Fetch it with: ollama pull m:1b /,
    ],
  },
  {
    name: "a model whose tensors Ollama keeps apart",
    tree: {
      [`${HOME}/.ollama/models/manifests/registry.ollama.ai/library/m/latest`]: manifest(
        DIGEST,
        "application/vnd.ollama.image.tensor",
      ),
    },
    given: "ollama:m",
    fails: [
      "model-not-found",
      'Model "ollama:m" has no GGUF file: Ollama keeps its tensors apart',
      /GGUF/,
    ],
  },
  {
    name: "a model that runs elsewhere",
    tree: {
      [`${HOME}/.ollama/models/manifests/registry.ollama.ai/library/m/cloud`]: '{"layers":null}',
    },
    given: "ollama:m:cloud",
    fails: [
      "model-not-found",
      'Model "ollama:m:cloud" has no file on this machine: it runs elsewhere',
      /GGUF/,
    ],
  },
  {
    name: "a manifest that is damaged",
    tree: {
      [`${HOME}/.ollama/models/manifests/registry.ollama.ai/library/m/latest`]: "{",
    },
    given: "ollama:m",
    fails: [
      "model-not-found",
      "Model \"ollama:m\" can't be looked up: Ollama's manifest can't be read: ROOT/home/me/.ollama/models/manifests/registry.ollama.ai/library/m/latest",
      /ollama pull m$/,
    ],
  },
  {
    name: "a manifest whose digest leads out of the folder",
    tree: {
      [`${HOME}/.ollama/models/manifests/registry.ollama.ai/library/m/latest`]: manifest("../x"),
    },
    given: "ollama:m",
    fails: [
      "model-not-found",
      'Model "ollama:m" has no file on this machine: it runs elsewhere',
      /GGUF/,
    ],
  },
  ...["ollama:", "ollama:../m", "ollama:a/b/c/d", "ollama:m:1b:2"].map((given): Case => ({
    name: `a name that Ollama doesn't have: ${given}`,
    tree: {},
    given,
    fails: ["invalid-model-name", `Model can't be named "${given}"`, /^Write ollama:NAME or /],
  })),
  {
    name: "the home folder",
    tree: { [`${HOME}/m.gguf`]: "m" },
    given: "~/m.gguf",
    found: `${HOME}/m.gguf`,
  },
];

for (const { name, tree, given, variables = {}, found, fails } of CASES) {
  Deno.test(`where models lie: ${name}`, async () => {
    const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "brainjar-caches-" }));
    try {
      for (const [path, text] of Object.entries(tree)) {
        await Deno.mkdir(dirname(`${root}/${path}`), { recursive: true });
        if (text.startsWith("-> ")) await Deno.symlink(text.slice(3), `${root}/${path}`);
        else await Deno.writeTextFile(`${root}/${path}`, text);
      }
      const environment = (variable: string) =>
        variable === "HOME" ? `${root}/${HOME}` : variables[variable]?.replace("ROOT", root);
      const locating = () => locateModel(given, { environment, root });
      if (found !== undefined) {
        assertEquals(await locating(), `${root}/${found}`);
        await Deno.stat(`${root}/${found}`);
      } else if (fails !== undefined) {
        const [code, message, hint] = fails;
        const error = await assertFault(locating, code);
        assertEquals(error.message, message.replace("ROOT", root));
        assertMatch(error.hint ?? "", hint);
      }
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}

Deno.test({
  name: "where models lie: a folder that may not be read is marked",
  permissions: { read: false },
  fn: async () => {
    const environment = (variable: string) => variable === "OLLAMA_MODELS" ? "/models" : undefined;
    const error = await assertFault(
      () => locateModel("ollama:m", { environment }),
      "model-not-found",
    );
    assertMatch(error.hint ?? "", /\(looked in \/models \(no permission\)\)$/);
  },
});
