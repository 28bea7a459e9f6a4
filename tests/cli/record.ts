import type { Output } from "../../src/cli/terminal/output.ts";

/** An output that keeps what it is told, without colour. */
export function record(): { output: Output; answered(): string; said(): string } {
  let answer = "";
  let rest = "";
  return {
    output: {
      answer: (text) => {
        answer += text;
        return true;
      },
      say: (text) => void (rest += text),
      interactive: false,
      answersTerminal: false,
      canDraw: false,
      answerParagraphs: () => Promise.resolve(true),
      answerLater: (text) => {
        answer += text;
        return Promise.resolve(true);
      },
      paint: (_style, text) => text,
    },
    answered: () => answer,
    said: () => rest,
  };
}
