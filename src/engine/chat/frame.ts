/** Tokens that a model has by their meaning. */
export const BUILTIN_TOKENS = ["BOS", "EOS", "NL", "EOT", "SEP"] as const;

/** One of them. */
type BuiltinToken = (typeof BUILTIN_TOKENS)[number];

/** A piece of what a model is told: text with markers in it, a token, or text without markers. */
export type FramePart =
  | { readonly type: "specialTokensText"; readonly value: string }
  | { readonly type: "specialToken"; readonly value: BuiltinToken }
  | string;

/** What a chat template puts around a prompt, with {@link SLOTS} where its texts go. */
export type Frame = readonly FramePart[];

/** A chat template as far as a mind needs it: rendered once, since only its slots change. */
export interface ChatFrames {
  /** From the beginning of a context to the first reply. */
  readonly withSystem: Frame;
  /** The same where there is no system message. */
  readonly withoutSystem: Frame;
  /** From the end of a reply to the next one. */
  readonly next: Frame;
  /** Texts that end a reply where a model spells them. */
  readonly ends: readonly string[];
  /** What a reasoning model puts around what it doesn't say. */
  readonly reasoning?: { readonly open: string; readonly close: string };
}

/** Where texts go. Characters for private use stand around them, which no template has. */
export const SLOTS = { system: "\ue000system\ue001", message: "\ue000message\ue001" } as const;

const SLOT = new RegExp(`(${SLOTS.system}|${SLOTS.message})`);

/** What tokenizes for a model. */
export interface Tokenizer<Token> {
  tokenize(text: string, specialTokens?: boolean, options?: "trimLeadingSpace"): Token[];
  tokenize(text: BuiltinToken, specialTokens: "builtin"): Token[];
}

/** What goes into the slots. */
export interface FrameTexts {
  readonly system?: string;
  readonly message: string;
}

/**
 * The tokens of a frame with texts in its slots. Markers become tokens where the template has them;
 * what a person or another model says is text, whatever it looks like.
 *
 * @param isContinued whether tokens stand before these, so that no space is put before them
 */
export function frameTokens<Token>(
  frame: Frame,
  texts: FrameTexts,
  tokenizer: Tokenizer<Token>,
  isContinued: boolean,
): Token[] {
  const tokens: Token[] = [];
  let text = "";
  const trim = () => isContinued || tokens.length > 0 ? "trimLeadingSpace" as const : undefined;
  const endText = () => {
    if (text !== "") tokens.push(...tokenizer.tokenize(text, false, trim()));
    text = "";
  };
  for (const part of frame) {
    if (typeof part === "string") {
      text += filled(part, texts);
      continue;
    }
    endText();
    if (part.type === "specialToken") tokens.push(...tokenizer.tokenize(part.value, "builtin"));
    else tokens.push(...tokenizer.tokenize(part.value, true, trim()));
  }
  endText();
  return tokens;
}

function filled(part: string, { system = "", message }: FrameTexts): string {
  return part.split(SLOT).map((piece) => {
    if (piece === SLOTS.system) return system;
    return piece === SLOTS.message ? message : piece;
  }).join("");
}
