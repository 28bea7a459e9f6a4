import { assert, assertEquals } from "@std/assert";
import { root, type Source, sourcesIn } from "./sources.ts";
import { commentsOf } from "./tokens.ts";

// Pages that comments and other pages cite are in the project, with the headings that they name.

/** Kept word for word; what it cites was never here. */
const SEED = "fixtures/seed.md";

/** Pages of others, as comments cite them. */
const PAGES_OF_OTHERS: readonly string[] = [
  // ggml's, for the format
  "docs/gguf.md",
];

/** A page that is cited, and which of its headings. */
interface Citation {
  readonly file: string;
  readonly line: number;
  readonly page: string;
  readonly headings: readonly string[];
}

/** `src/budget/README.md, "Layer 2", "Layer 3"` in a text of running words. */
function citationsIn(file: string, text: string, line: number): Citation[] {
  const cited = /(?<![\w/.-])((?:[\w.-]+\/)*[\w-]+\.md)\b((?:,\s+"[^"]+")*)/g;
  return [...text.matchAll(cited)].map(([, page = "", headings = ""]) => ({
    file,
    line,
    page,
    headings: [...headings.matchAll(/"([^"]+)"/g)].map(([, heading = ""]) => heading),
  }));
}

/** What a source's comments cite. */
function citationsOfComments({ path, text }: Source): Citation[] {
  return commentsOf(text).flatMap((comment) => citationsIn(path, comment.text, comment.line));
}

/** A page without its blocks of code. */
function proseOf(page: string): string {
  return page.replace(/^```[^]*?^```/gm, (block) => block.replace(/[^\n]/g, ""));
}

/** What a page cites in its words, and what it links to. */
function citationsOfPage({ path, text }: Source): Citation[] {
  const prose = proseOf(text);
  const links = [...prose.matchAll(/\]\((?!https?:|#)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
  return [
    ...citationsIn(path, prose.replace(/\]\([^)]*\)/g, "]").replace(/\s+/g, " "), 1),
    ...links.map((link) => ({
      file: path,
      line: prose.slice(0, link.index).split("\n").length,
      page: link[1] ?? "",
      headings: link[2] === undefined ? [] : [`#${link[2]}`],
    })),
    ...[...prose.matchAll(/\]\(#([^)\s]+)\)/g)].map((link) => ({
      file: path,
      line: prose.slice(0, link.index).split("\n").length,
      page: path.replace(/^.*\//, ""),
      headings: [`#${link[1]}`],
    })),
  ];
}

/** A page's headings, without marks. */
function headingsOf(page: string): string[] {
  return [...proseOf(page).matchAll(/^#+ +(.*)$/gm)].map(([, heading = ""]) =>
    heading.replace(/[`*_]/g, "").trim()
  );
}

/** As Git hosts make a heading's anchor. */
function anchorOf(heading: string): string {
  return `#${heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")}`;
}

/** Whether a heading is the cited one: by its anchor, or by its words up to a colon or comma. */
function isCited(heading: string, cited: string): boolean {
  return cited.startsWith("#")
    ? anchorOf(heading) === cited
    : heading === cited || heading.startsWith(`${cited}:`) || heading.startsWith(`${cited},`);
}

/** What is wrong with a citation, where `read` answers with a file's text from the top. */
function complaint(
  { file, line, page, headings }: Citation,
  read: (path: string) => string | undefined,
): string | undefined {
  if (PAGES_OF_OTHERS.includes(page)) return undefined;
  const folder = file.includes("/") ? file.replace(/[^/]*$/, "") : "";
  const beside = new URL(folder + page, "file:///").pathname.slice(1);
  // A path from the top says where it starts.
  const text = read(beside) ?? read(page);
  if (text === undefined) return `${file}:${line} cites ${page}, which isn't there`;
  const there = headingsOf(text);
  const missing = headings.filter((cited) => !there.some((heading) => isCited(heading, cited)));
  return missing.length === 0
    ? undefined
    : `${file}:${line} cites ${page}, which has no ${missing.join(", ")}`;
}

/** A file's text from the top of the project; of a folder an empty one. */
function readHere(path: string): string | undefined {
  try {
    const url = new URL(path, root);
    return Deno.statSync(url).isDirectory ? "" : Deno.readTextFileSync(url);
  } catch {
    return undefined;
  }
}

const CODE = ["main.ts", "src", "tests", "fixtures", ".ci"];

Deno.test("house: comments cite pages and headings that are there", async () => {
  const sources = await sourcesIn(CODE, /\.ts$/);
  const citations = sources.flatMap(citationsOfComments);
  assert(citations.length > 40, `Only ${citations.length} citations: is the reading right?`);
  const complaints = citations.map((citation) => complaint(citation, readHere));
  assertEquals(complaints.filter((text) => text !== undefined), []);
});

Deno.test("house: pages cite and link to what is there", async () => {
  const pages = await sourcesIn(["README.md", "src", "tests", "fixtures"], /\.md$/);
  const complaints = pages.filter(({ path }) => path !== SEED).flatMap(citationsOfPage)
    .map((citation) => complaint(citation, readHere));
  assertEquals(complaints.filter((text) => text !== undefined), []);
});

Deno.test("house: the check of citations sees what isn't there", () => {
  const read = (path: string) =>
    ({
      "src/a/README.md": "# A\n## Layer 2: allocation\n```\n# no heading\n```\n",
      "src/b/README.md": "# B\n",
    })[path];
  const inComment = (text: string) =>
    citationsOfComments({ path: "src/b/b.ts", text }).map((one) => complaint(one, read));
  assertEquals(inComment('/**\n * (src/a/README.md,\n * "Layer 2"). */'), [undefined]);
  assertEquals(inComment("// README.md tells more\n// of it"), [undefined]);
  assertEquals(inComment('const file = "summary.md";'), []);
  assertEquals(inComment('// src/a/README.md, "A",\n// "Layer 3"').map(Boolean), [true]);
  assertEquals(inComment('// src/a/README.md, "no heading"').map(Boolean), [true]);
  assertEquals(inComment("// NOTES.md").map(Boolean), [true]);
  const onPage = (text: string) =>
    citationsOfPage({ path: "src/b/README.md", text }).map((one) => complaint(one, read));
  assertEquals(onPage("[a](../a/README.md) and [2](../a/README.md#layer-2-allocation)"), [
    undefined,
    undefined,
  ]);
  assertEquals(onPage("# B\n[b](#b)\n```\n[x](y.md)\n```"), [undefined]);
  assertEquals(onPage("[a](../c/README.md)\n[b](#c)").map(Boolean), [true, true]);
});

/** Pages by the names they had outside of the project. */
const OLD_NAMES = new RegExp(
  `\\b(${["RULES", "DESIGN", "FACTS", "SEED", "GPU"].join("|")})\\.md\\b|\\.\\./shar${"ed"}\\b`,
);

function oldNames({ path, text }: Source): string[] {
  return text.split("\n").flatMap((line, index) => {
    const name = OLD_NAMES.exec(line)?.[0];
    return name === undefined ? [] : [`${path}:${index + 1} cites ${name}`];
  });
}

Deno.test("house: nothing cites a page by its old name", async () => {
  const sources = await sourcesIn(
    [...CODE, ".github", "README.md", "deno.json"],
    /\.(ts|sh|md|yml|json)$|\.ci\/run$/,
  );
  assertEquals(sources.flatMap(oldNames), []);
});

Deno.test("house: the check of old names sees one", () => {
  const find = (text: string) => oldNames({ path: "f.ts", text }).length;
  assertEquals(find(`// ${"RULES"}.md, "Layer 2"`), 1);
  assertEquals(find(`const truth = "../../${"shared"}/truth";`), 1);
  assertEquals(find("// src/budget/README.md; a shared/model"), 0);
});

Deno.test("house: every room has its page", async () => {
  const missing: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL("src/", root))) {
    const page = `src/${name}/README.md`;
    if (isDirectory && readHere(page) === undefined) missing.push(page);
  }
  for (const page of ["src/README.md", "fixtures/README.md", SEED]) {
    if (readHere(page) === undefined) missing.push(page);
  }
  assertEquals(missing, []);
});
