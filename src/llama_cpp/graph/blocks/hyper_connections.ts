import type { Builder } from "../builder.ts";
import { F32, type Tensor } from "../../ggml/tensor.ts";

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
    const affine = (length: number) => {
      const own = graph.view(mixes, [length, x.n2], mixes.s1);
      const scaled = graph.multiply(own, graph.view(scale, [1]));
      return graph.add(scaled, graph.view(base, [length]));
    };
    const pre = graph.scale(graph.unary("SIGMOID", affine(count)));
    const post = graph.scale(graph.unary("SIGMOID", affine(count)));
    const mixed = this.#isFused("DSV4_HC_COMB")
      ? graph.make("DSV4_HC_COMB", [mixes, scale, base], [count, count, x.n2])
      : this.#normalize(graph.reshape(affine(count * count), count, count, x.n2));
    const joined = this.#isFused("DSV4_HC_PRE")
      ? graph.make("DSV4_HC_PRE", [x, pre], [this.#width, x.n2])
      : this.#sum(x, pre);
    return { x: joined, post, mixed };
  }

  #isFused(operation: string): boolean {
    return this.b.plan.unfused?.has(operation) !== true;
  }

  /** Rows and columns divided by their sums in turn (`build_hc_sinkhorn`). */
  #normalize(x: Tensor): Tensor {
    const { graph, keys } = this.b;
    let y = graph.softMax(x);
    const least = graph.fill(graph.leaf(F32, [1]));
    y = graph.add(y, least);
    const divideColumns = () => {
      const columns = graph.contiguous(graph.permute(y, [1, 0, 2, 3]));
      const sums = graph.add(graph.sumRows(columns), least);
      y = graph.divide(y, graph.permute(sums, [1, 0, 2, 3]));
    };
    divideColumns();
    const rounds = keys.number("hyper_connection.sinkhorn_iterations") ?? 1;
    for (let round = 1; round < rounds; round++) {
      y = graph.divide(y, graph.add(graph.sumRows(y), least));
      divideColumns();
    }
    return y;
  }

  /** The streams' sum, each by its weight (`build_hc_pre`). */
  #sum(x: Tensor, weights: Tensor): Tensor {
    const { graph } = this.b;
    const stream = () =>
      graph.multiply(
        graph.view(x, [this.#width, x.n2], x.s2),
        graph.view(weights, [1, x.n2], weights.s1),
      );
    let sum = stream();
    for (let index = 1; index < this.#count; index++) sum = graph.add(sum, stream());
    return sum;
  }

  /** The streams with a part's result in them. */
  after(y: Tensor, x: Tensor, { post, mixed }: Connection): Tensor {
    const { graph } = this.b;
    const shape = [this.#width, this.#count, x.n2];
    if (this.#isFused("DSV4_HC_POST")) {
      return graph.make("DSV4_HC_POST", [y, x, post, mixed], shape);
    }
    const stream = () => {
      let sum = graph.multiply(y, graph.view(post, [1, y.n1], post.s1));
      for (let source = 0; source < this.#count; source++) {
        const from = graph.view(x, [this.#width, y.n1], x.s2);
        const weight = graph.view(mixed, [1, y.n1], mixed.s2);
        sum = graph.add(sum, graph.multiply(from, weight));
      }
      return graph.reshape(sum, this.#width, 1, y.n1);
    };
    let streams = stream();
    for (let index = 1; index < this.#count; index++) streams = graph.concat(streams, stream(), 1);
    return streams;
  }

  /** The streams' weighted sum, which the logits are made of (`build_hc_head`). */
  join(x: Tensor): Tensor {
    const { graph } = this.b;
    const mixes = this.#mixes(x, "output_hc_fn");
    const scaled = graph.multiply(mixes, this.b.need("output_hc_scale"));
    const biased = graph.add(scaled, this.b.need("output_hc_base"));
    return this.#sum(x, graph.scale(graph.unary("SIGMOID", biased)));
  }

  #mixes(x: Tensor, name: string): Tensor {
    const { graph } = this.b;
    const flat = graph.reshape(x, this.#width * this.#count, x.n2);
    return this.b.multiplyMatrix(name, graph.rmsNorm(flat));
  }
}
