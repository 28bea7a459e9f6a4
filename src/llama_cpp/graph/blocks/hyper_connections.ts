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
    /** `count` rows of the mixtures, in their own scale; the offsets don't matter to a graph. */
    const part = (rows: number) => {
      const own = graph.view(mixes, [rows, x.n2], mixes.s1);
      const scaled = graph.multiply(own, graph.view(scale, [1]));
      return graph.add(scaled, graph.view(base, [rows]));
    };
    const pre = graph.scale(graph.unary("SIGMOID", part(count)));
    const post = graph.scale(graph.unary("SIGMOID", part(count)));
    const mixed = b.plan.unfused?.has("DSV4_HC_COMB")
      ? this.#balance(graph.reshape(part(count * count), count, count, x.n2))
      : graph.make("DSV4_HC_COMB", [mixes, scale, base], [count, count, x.n2]);
    return { x: this.#sum(x, pre), post, mixed };
  }

  /** The streams with a part's result in them. */
  after(y: Tensor, x: Tensor, { post, mixed }: Connection): Tensor {
    const { graph, plan } = this.b;
    const [width, count] = [this.#width, this.#count];
    if (!plan.unfused?.has("DSV4_HC_POST")) {
      return graph.make("DSV4_HC_POST", [y, x, post, mixed], [width, count, x.n2]);
    }
    const into = () => {
      let sum = graph.multiply(y, graph.view(post, [1, x.n2], post.s1));
      for (let index = 0; index < count; index++) {
        const stream = graph.view(x, [width, x.n2], x.s2);
        const share = graph.view(mixed, [1, x.n2], mixed.s2);
        sum = graph.add(sum, graph.multiply(stream, share));
      }
      return graph.reshape(sum, width, 1, x.n2);
    };
    let all = into();
    for (let index = 1; index < count; index++) all = graph.concat(all, into(), 1);
    return all;
  }

  /** The sum of the streams, each with its weight. */
  #sum(x: Tensor, weights: Tensor): Tensor {
    const { graph, plan } = this.b;
    return plan.unfused?.has("DSV4_HC_PRE")
      ? this.#sumStreams(x, weights)
      : graph.make("DSV4_HC_PRE", [x, weights], [this.#width, x.n2]);
  }

  #sumStreams(x: Tensor, weights: Tensor): Tensor {
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

  /** Rows and columns that come to one, by dividing them in turn (`build_hc_sinkhorn`). */
  #balance(x: Tensor): Tensor {
    const { graph, keys } = this.b;
    const least = graph.fill(graph.leaf(F32, [1]));
    let mixed = graph.add(graph.softMax(x), least);
    const columns = () => {
      const turned = graph.contiguous(graph.permute(mixed, [1, 0, 2, 3]));
      const sums = graph.add(graph.sumRows(turned), least);
      mixed = graph.divide(mixed, graph.permute(sums, [1, 0, 2, 3]));
    };
    columns();
    const rounds = keys.real("hyper_connection.sinkhorn_iterations");
    for (let round = 1; round < rounds; round++) {
      mixed = graph.divide(mixed, graph.add(graph.sumRows(mixed), least));
      columns();
    }
    return mixed;
  }

  /** The streams' weighted sum, which the logits are made of (`build_hc_head`). */
  join(x: Tensor): Tensor {
    const { graph } = this.b;
    const mixes = this.#mixes(x, "output_hc_fn");
    const scaled = graph.multiply(mixes, this.b.need("output_hc_scale"));
    const biased = graph.add(scaled, this.b.need("output_hc_base"));
    const weights = graph.scale(graph.unary("SIGMOID", biased));
    return this.#sumStreams(x, weights);
  }

  #mixes(x: Tensor, name: string): Tensor {
    const { graph } = this.b;
    const flat = graph.reshape(x, this.#width * this.#count, x.n2);
    return this.b.multiplyMatrix(name, graph.rmsNorm(flat));
  }
}
