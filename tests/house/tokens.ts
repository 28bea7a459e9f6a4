/** A piece of TypeScript, as far as the tests of the house look at it. */
export interface Token {
  readonly kind: "comment" | "block" | "string" | "template" | "regex" | "word" | "mark";
  /** Without the quotes of a string and the marks of a comment. */
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Words after which a slash begins a regular expression. */
const BEFORE_REGEX = new Set(
  "await case delete do else in instanceof new of return throw typeof void yield".split(" "),
);

const WORD = /[\p{ID_Start}$_#\d][\p{ID_Continue}$\u200c\u200d.]*/uy;
const STRING = /"((?:[^"\\\n]|\\[^])*)"|'((?:[^'\\\n]|\\[^])*)'/y;
const REGEX = /\/((?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/[a-z]*/y;
const COMMENT = /\/\*([^]*?)\*\/|\/\/(.*)/y;
const MARK = /=>|\.\.\.|[=!]==?|\?\.|\?\?=?|&&=?|\|\|=?|[<>]=|[^\s]/y;

/**
 * Cuts TypeScript into tokens. It knows as much of the language as the tests of the house need:
 * where strings, templates, comments and regular expressions begin and end. The text of a template
 * comes as one token for each stretch between two expressions.
 */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  /** Depth of braces at which each open template's expression began. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  let line = 1;

  function take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = at;
    return pattern.exec(source) ?? undefined;
  }
  function push(kind: Token["kind"], text: string, whole: string): void {
    tokens.push({ kind, text, line });
    line += whole.split("\n").length - 1;
    at += whole.length;
  }
  function template(): void {
    const text = take(/(?:[^`\\$]|\\[^]|\$(?!\{))*/y)?.[0] ?? "";
    push("template", text, text);
    if (source.startsWith("${", at)) {
      templates.push(depth);
      at += 2;
    } else at += 1;
  }
  function mayBeRegex(): boolean {
    const last = tokens.findLast(isCode);
    if (last === undefined) return true;
    if (last.kind === "word") return BEFORE_REGEX.has(last.text);
    return last.kind === "mark" && !/^[)\]]$/.test(last.text);
  }

  while (at < source.length) {
    const blank = take(/\s+/y)?.[0];
    if (blank !== undefined) {
      line += blank.split("\n").length - 1;
      at += blank.length;
      continue;
    }
    const comment = take(COMMENT);
    const string = take(STRING);
    const regex = comment === undefined && mayBeRegex() ? take(REGEX) : undefined;
    const word = take(WORD);
    if (comment?.[1] !== undefined) push("block", comment[1], comment[0]);
    else if (comment) push("comment", comment[2] ?? "", comment[0]);
    else if (string) push("string", string[1] ?? string[2] ?? "", string[0]);
    else if (regex) push("regex", regex[1] ?? "", regex[0]);
    else if (word) push("word", word[0], word[0]);
    else if (source[at] === "`") {
      at += 1;
      template();
    } else if (source[at] === "}" && templates.at(-1) === depth) {
      templates.pop();
      at += 1;
      template();
    } else {
      const mark = take(MARK)?.[0] ?? source.charAt(at);
      if (mark === "{") depth += 1;
      if (mark === "}") depth -= 1;
      push("mark", mark, mark);
    }
  }
  return tokens;
}

function isCode({ kind }: Token): boolean {
  return kind !== "comment" && kind !== "block";
}

/** The code alone. */
export function codeOf(source: string): Token[] {
  return tokensOf(source).filter(isCode);
}

/** A comment's text on one line. */
export interface Comment {
  readonly text: string;
  /** Where it begins. */
  readonly line: number;
}

/** The comments without stars, breaks of lines as spaces; line comments that follow are one. */
export function commentsOf(source: string): Comment[] {
  const comments: Comment[] = [];
  let lastLine = -1;
  for (const { kind, text, line } of tokensOf(source)) {
    if (kind === "block") {
      const plain = text.replace(/^\*/, "").replace(/\n\s*\*?/g, "\n").replace(/\s+/g, " ");
      comments.push({ text: plain.trim(), line });
    } else if (kind === "comment") {
      const before = lastLine === line - 1 ? comments.pop() : undefined;
      const plain = `${before?.text ?? ""} ${text.trim()}`;
      comments.push({ text: plain.trim(), line: before?.line ?? line });
      lastLine = line;
    }
  }
  return comments;
}
