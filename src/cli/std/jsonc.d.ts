// Types of the part of @std/jsonc that is used: the npm build has none.

/** Reads JSON with comments and trailing commas; throws a SyntaxError that names the position. */
export function parse(text: string): unknown;
