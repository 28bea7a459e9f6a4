import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";

/** What goes into a layer's part, and how its result comes back into the streams. */
interface Connection {
  readonly x: Tensor;
  readonly post: Tensor;
  /** How the streams mix, each with each. */
  readonly mixed: Tensor;
}

/**
 * Several residual streams beside each other, with weights of each token's own between them
 * (src/models/deepseek4.cpp, `build_hc_pre` and `build_hc_post`).
 */
export class HyperConnections {
  readonly #count: number;
  readonly #width: number;

  constructor(readonly b: Builder) {
    this.#count = b.hyperparameters.hyperConnectionCount;
    this.#width = b.hyperparameters.embeddingLength;
  }

  /** The same in every stream. */
  widen(x: Tensor): Tensor {
    const { graph, tokens } = this.b;
    return graph.repeat(graph.reshape(x, this.#width, 1, tokens), this.#width, this.#count, tokens);
  }

  /** The sum that a layer's part gets. */
  before(x: Tensor, prefix: string): Connection {
    const { b } = this;
    const { graph } = b;
    const count = this.#count;
    const [scale, base] = [b.need(`${prefix}_scale`), b.need(`${prefix}_base`)];
    const mixes = this.#mixes(x, `${prefix}_fn`);
    const part = () => {
      const own = graph.view(mixes, [count, x.n2], mixes.s1);
      const scaled = graph.multiply(own, graph.view(scale, [1]));
      return graph.unary("SIGMOID", graph.add(scaled, graph.view(base, [count])));
    };
    const pre = graph.scale(part());
    const post = graph.scale(part());
    const mixed = graph.make("DSV4_HC_COMB", [mixes, scale, base], [count, count, x.n2]);
    return { x: graph.make("DSV4_HC_PRE", [x, pre], [this.#width, x.n2]), post, mixed };
  }

  /** The streams with a part's result in them. */
  after(y: Tensor, x: Tensor, { post, mixed }: Connection): Tensor {
    const shape = [this.#width, this.#count, x.n2];
    return this.b.graph.make("DSV4_HC_POST", [y, x, post, mixed], shape);
  }

  /** The streams' weighted sum, which the logits are made of (`build_hc_head`). */
  join(x: Tensor): Tensor {
    const { graph } = this.b;
    const mixes = this.#mixes(x, "output_hc_fn");
    const scaled = graph.multiply(mixes, this.b.need("output_hc_scale"));
    const biased = graph.add(scaled, this.b.need("output_hc_base"));
    const weights = graph.scale(graph.unary("SIGMOID", biased));
    const stream = () =>
      graph.multiply(
        graph.view(x, [this.#width, x.n2], x.s2),
        graph.view(weights, [1, x.n2], weights.s1),
      );
    let sum = stream();
    for (let index = 1; index < this.#count; index++) sum = graph.add(sum, stream());
    return sum;
  }

  #mixes(x: Tensor, name: string): Tensor {
    const { graph } = this.b;
    const flat = graph.reshape(x, this.#width * this.#count, x.n2);
    return this.b.multiplyMatrix(name, graph.rmsNorm(flat));
  }
}
