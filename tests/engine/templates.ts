import { defaultCache } from "../../fixtures/generate.ts";
import { run, sourceClone } from "../../fixtures/llama_cpp_source.ts";

/** A published chat template by its file in llama.cpp's source. */
export async function publishedTemplate(name: string): Promise<string> {
  const clone = await sourceClone(defaultCache());
  const file = `HEAD:models/templates/${name}.jinja`;
  return new TextDecoder().decode(await run("git", "--git-dir", clone, "cat-file", "blob", file));
}

/** The template that most models began with. */
export const CHATML = "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + " +
  "message.content + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Templates that render nothing, by what is wrong with them. */
export const BROKEN_TEMPLATES: Readonly<Record<string, string>> = {
  "syntax": "{% if %}",
  "an exception": "{{ raise_exception('no \u001b[2J roles\nat all') }}",
  "no message": "Hello",
  "no end": "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
  "a flood": "{% for i in range(1000000000) %}x{% endfor %}",
  "recursion": "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(1) }}",
  "too much": `{# ${"x".repeat(70_000)} #}${CHATML}`,
};
