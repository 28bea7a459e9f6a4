import vm from "node:vm";
import { BrainjarError, lineOf } from "../../budget/error.ts";
import { BUILTIN_TOKENS, type ChatFrames, type Frame, type FramePart, SLOTS } from "./frame.ts";

/** Text of node-llama-cpp, which knows what of it may hold markers. */
interface Text {
  toJSON(): string | readonly (string | { readonly type: string; readonly value: string })[];
  toString(): string;
}

/** What is said in a conversation, as node-llama-cpp has it. */
type HistoryItem =
  | { type: "system" | "user"; text: string }
  | { type: "model"; response: (string | EmptyReasoning)[] };

interface EmptyReasoning {
  type: "segment";
  segmentType: "thought";
  text: "";
  ended: true;
}

/** What is used of node-llama-cpp's wrapper of a template. */
interface Wrapper {
  readonly settings: {
    readonly segments?: {
      readonly thought?: { readonly prefix: unknown; readonly suffix?: string | Text };
    };
  };
  generateContextState(options: { chatHistory: HistoryItem[] }): {
    readonly contextText: Text;
    readonly stopGenerationTriggers: readonly Text[];
  };
}

/** node-llama-cpp's class of such wrappers; it renders with @huggingface/jinja. */
export type WrapperClass = new (options: {
  readonly template: string;
  readonly reasoning: boolean;
  readonly functionCallMessageTemplate: "noJinja";
  readonly convertUnsupportedSystemMessagesToUserMessages: { readonly format: "{{message}}" };
  readonly additionalRenderParameters: Record<string, unknown>;
}) => Wrapper;

/** Published templates have up to 30 KB. */
const MAX_TEMPLATE_BYTES = 64 * 1024;

/**
 * A template is a program of whoever made the model, and may never end. Published ones take 5 ms,
 * the first of a process 50.
 */
const PATIENCE_MILLISECONDS = 500;

/** A busy machine may not let a good one get on; what it has done so far makes the next try short. */
const TRIES = 3;

/** Templates say the day; a run that is repeated tomorrow is told the same. */
const DATE = "26 Jul 2024";

/** Some templates go through the tools that there are without asking whether there are any. */
const PARAMETERS: readonly Record<string, unknown>[] = [
  { date_string: DATE },
  { date_string: DATE, tools: [] },
];

const REPLY = "\ue000reply\ue001";
const ANSWER = "\ue000answer\ue001";

/** Shorter ones are part of what anybody says. */
const SHORTEST_END = 3;

/** Characters of a reason that people are shown. */
const REASON_CHARACTERS = 160;

/**
 * Renders a model's chat template once, with slots for what will be said.
 *
 * A system message that a template has no place for stands before the first message. Reasoning is
 * off: where the template leaves the reply open to it, an empty one is put in front.
 *
 * @param path the model, for errors
 * @throws {BrainjarError} `chat-template-failed`
 */
export function readTemplate(Wrapper: WrapperClass, template: string, path: string): ChatFrames {
  const { length } = new TextEncoder().encode(template);
  if (length > MAX_TEMPLATE_BYTES) {
    throw failed(path, `it has ${length} bytes, more than ${MAX_TEMPLATE_BYTES}`);
  }
  let failure: unknown;
  for (const additionalRenderParameters of PARAMETERS) {
    try {
      return withinTime(TRIES, () =>
        framesOf(
          new Wrapper({
            template,
            reasoning: false,
            functionCallMessageTemplate: "noJinja",
            convertUnsupportedSystemMessagesToUserMessages: { format: "{{message}}" },
            additionalRenderParameters,
          }),
        ));
    } catch (error) {
      failure ??= error;
      if (isTimeout(error)) {
        throw failed(path, `it took more than ${PATIENCE_MILLISECONDS} ms, ${TRIES} times`);
      }
    }
  }
  throw failed(path, reasonOf(failure), failure);
}

/** Does `work`, and throws where it takes too long each time: V8 ends it, wherever it is. */
function withinTime<Result>(tries: number, work: () => Result): Result {
  let result: { readonly value: Result } | undefined;
  const run = () => void (result = { value: work() });
  try {
    new vm.Script("run()").runInContext(vm.createContext({ run }), {
      timeout: PATIENCE_MILLISECONDS,
    });
  } catch (error) {
    if (tries <= 1 || !isTimeout(error)) throw error;
    return withinTime(tries - 1, work);
  }
  if (result === undefined) throw new Error("It was not run");
  return result.value;
}

/** Whether it is what V8 ended `work` with; its class is that of another context. */
function isTimeout(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error &&
    error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}

function framesOf(wrapper: Wrapper): ChatFrames {
  const { thought } = wrapper.settings.segments ?? {};
  const close = thought?.suffix?.toString().trim() ?? "";
  const plain = render(wrapper, [ANSWER]);
  if (close === "") return plain;
  const { prefix } = thought ?? {};
  const open = typeof prefix === "string" || isText(prefix) ? prefix.toString().trim() : "";
  const frames = withoutReasoning(wrapper, plain, { open, close });
  return open === "" ? frames : { ...frames, reasoning: { open, close } };
}

/** The frames with an empty reasoning where the reply begins, in the template's own words. */
function withoutReasoning(
  wrapper: Wrapper,
  plain: ChatFrames,
  { open, close }: { readonly open: string; readonly close: string },
): ChatFrames {
  const tail = textOf(after(plain.next, SLOTS.message)).trimEnd();
  if (tail.includes(close)) return plain;
  if (open !== "" && tail.endsWith(open)) {
    const end = { type: "specialTokensText", value: close } as const;
    const { withSystem, withoutSystem, next } = plain;
    return {
      ...plain,
      withSystem: [...withSystem, end],
      withoutSystem: [...withoutSystem, end],
      next: [...next, end],
    };
  }
  const empty = { type: "segment", segmentType: "thought", text: "", ended: true } as const;
  return render(wrapper, [empty, ANSWER]);
}

function isText(value: unknown): value is Text {
  return typeof value === "object" && value !== null && "values" in value;
}

function render(wrapper: Wrapper, response: (string | EmptyReasoning)[]): ChatFrames {
  const upToAnswer = (...said: HistoryItem[]) => {
    const chatHistory: HistoryItem[] = [
      ...said,
      { type: "user", text: SLOTS.message },
      { type: "model", response },
    ];
    const { contextText, stopGenerationTriggers } = wrapper.generateContextState({ chatHistory });
    return { frame: before(partsOf(contextText), ANSWER), stopGenerationTriggers };
  };
  const withSystem = upToAnswer({ type: "system", text: SLOTS.system }).frame;
  const withoutSystem = upToAnswer().frame;
  const { frame, stopGenerationTriggers } = upToAnswer(
    { type: "user", text: "Hello" },
    { type: "model", response: [REPLY] },
  );
  const next = after(frame, REPLY);
  if (!textOf(withSystem).includes(SLOTS.system)) throw new Error("it leaves out what is said");
  const boundary = before(next, SLOTS.message);
  const ends = [...stopGenerationTriggers.map(partsOf), boundary].map(endOf);
  return {
    withSystem,
    withoutSystem,
    next,
    ends: [...new Set(ends)].filter((end) => end.trim().length >= SHORTEST_END),
  };
}

/** What ends a reply in text: the first line with something in it of what comes after one. */
function endOf(parts: Frame): string {
  return /^\s*\S[^\n]*/.exec(textOf(parts))?.[0].trimEnd() ?? "";
}

function partsOf(text: Text): Frame {
  const parts = text.toJSON();
  return typeof parts === "string" ? [parts] : parts.flatMap((part): FramePart[] => {
    if (typeof part === "string") return [part];
    const { type, value } = part;
    if (type === "specialTokensText") return [{ type, value }];
    const token = BUILTIN_TOKENS.find((known) => known === value);
    return token === undefined ? [] : [{ type: "specialToken", value: token }];
  });
}

/** Its text and markers; a token that is known by its meaning has none. */
function textOf(parts: Frame): string {
  return parts.map((part) => {
    if (typeof part === "string") return part;
    return part.type === "specialToken" ? "" : part.value;
  }).join("");
}

/** What stands before a mark, which is in one of the texts. */
function before(parts: Frame, mark: string): Frame {
  const { index, text, offset } = find(parts, mark);
  return [...parts.slice(0, index), text.slice(0, offset)].filter((part) => part !== "");
}

/** What stands after it. */
function after(parts: Frame, mark: string): Frame {
  const { index, text, offset } = find(parts, mark);
  return [text.slice(offset + mark.length), ...parts.slice(index + 1)].filter((part) =>
    part !== ""
  );
}

function find(parts: Frame, mark: string) {
  for (const [index, text] of parts.entries()) {
    if (typeof text !== "string") continue;
    const offset = text.indexOf(mark);
    if (offset >= 0) return { index, text, offset };
  }
  throw new Error("it leaves out what is said");
}

/** What the template's interpreter says, without what the package says around it. */
function reasonOf(error: unknown): string {
  const line = lineOf(error)
    .replace(/^The provided Jinja template failed the sanity test: (Error: )?/, "")
    .replace(/\. Inspect the Jinja template to find out what went wrong$/, "");
  return line.slice(0, REASON_CHARACTERS);
}

function failed(path: string, reason: string, cause?: unknown): BrainjarError {
  return new BrainjarError("chat-template-failed", `Chat template failed (${reason}): ${path}`, {
    hint: "Give --prompt-format raw, or a file of the model whose template is right",
    cause,
  });
}
