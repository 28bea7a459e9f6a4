import { assertEquals, assertThrows } from "@std/assert";
import { AnswerQueue } from "../../src/cli/terminal/answer_queue.ts";

/** An output whose writes end when the test says, and how. */
function slowOutput() {
  const written: string[] = [];
  const waiting: PromiseWithResolvers<boolean>[] = [];
  return {
    written,
    answerParagraphs: () => Promise.resolve(true),
    answerLater: async (text: string) => {
      const write = Promise.withResolvers<boolean>();
      waiting.push(write);
      const isRead = await write.promise;
      if (isRead) written.push(text);
      return isRead;
    },
    async end(write: (one: PromiseWithResolvers<boolean>) => void) {
      // The next write begins when the one before has ended.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const one = waiting.shift();
      if (one) write(one);
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  };
}

Deno.test("answer queue: one after another, and whoever pushes doesn't wait", async () => {
  const output = slowOutput();
  const queue = new AnswerQueue(output, () => {});
  assertEquals(queue.isIdle, true);
  queue.push("a");
  queue.push("b");
  assertEquals([queue.isIdle, output.written], [false, []]);
  await output.end((write) => write.resolve(true));
  assertEquals([queue.isIdle, output.written], [false, ["a"]]);
  const drained = queue.drained();
  await output.end((write) => write.resolve(true));
  await drained;
  assertEquals([queue.isIdle, output.written], [true, ["a", "b"]]);
});

Deno.test("answer queue: a reader that is gone is told, and a failure is thrown at the next", async () => {
  const output = slowOutput();
  let unread = 0;
  const queue = new AnswerQueue(output, () => unread++);
  queue.push("a");
  await output.end((write) => write.resolve(false));
  assertEquals(unread, 1);
  queue.push("b");
  queue.push("c");
  await output.end((write) => write.reject(new Error("The disk is full")));
  await queue.drained();
  assertThrows(() => queue.push("d"), Error, "The disk is full");
  assertThrows(() => queue.throwFailure(), Error, "The disk is full");
  assertEquals([queue.isIdle, output.written], [true, []]);
});
