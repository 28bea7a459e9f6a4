// What anyone's program with node-llama-cpp does, nothing of brainjar in it: for comparison.
import { getLlama } from "node-llama-cpp";

const [modelPath = "", contextSize = "2048"] = Deno.args;
const llama = await getLlama({ gpu: false, build: "never" });
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const context = await model.createContext({ contextSize: Number(contextSize) });
const sequence = context.getSequence();
let tokens = 0;
for await (const _ of sequence.evaluate(model.tokenize(" the".repeat(640)))) {
  if (++tokens >= 8) break;
}
const status = Deno.readTextFileSync("/proc/self/status");
const anonymousBytes = Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) * 1024;
await context.dispose();
await model.dispose();
console.log(JSON.stringify({ anonymousBytes }));
Deno.exit();
