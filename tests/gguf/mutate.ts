import { buildHeader, type Built, type WrittenArray } from "./build_header.ts";

/** A generator of numbers from 0 to below 1 that gives the same ones for the same seed. */
export type Random = () => number;

/** Marsaglia's xorshift, 32 bits. */
export function random(seed: number): Random {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const below = (random: Random, limit: number) => Math.floor(random() * limit);

function pick<T>(random: Random, from: readonly T[]): T {
  const picked = from[below(random, from.length)];
  if (picked === undefined) throw new RangeError("Nothing to pick from");
  return picked;
}

/** A file that a reader is to be tried with: its bytes, and the size that it claims to have. */
export interface Mutated {
  readonly bytes: Uint8Array;
  readonly size: number;
  /** What was done to it, for the report of a failure. */
  readonly how: string;
}

type Mutation = (built: Built, random: Random) => Uint8Array;

/** Lengths and counts that a lying file likes. */
const LIES = [
  0n,
  1n,
  7n,
  4096n,
  4097n,
  65_536n,
  2n ** 20n,
  2n ** 30n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** Where a built file has 64-bit lengths, counts, dimensions and offsets. */
function lengthFields({ bytes, metadataAt, tensorsAt }: Built): number[] {
  const view = new DataView(bytes.buffer);
  const nameEnd = (at: number) => at + 8 + view.getUint32(at, true);
  return [
    8,
    16,
    ...metadataAt.flatMap((at) => [at, nameEnd(at) + 4, nameEnd(at) + 8, nameEnd(at) + 16]),
    ...tensorsAt.flatMap((at) => [at, ...[4, 12, 20, 28].map((more) => nameEnd(at) + more)]),
  ];
}

const cut: Mutation = ({ bytes, headerEnd }, random) =>
  bytes.slice(0, below(random, headerEnd + 1));

const flip: Mutation = ({ bytes, headerEnd }, random) => {
  const copy = bytes.slice();
  for (let i = below(random, 8); i >= 0; i--) {
    const at = below(random, headerEnd);
    copy[at] = (copy[at] ?? 0) ^ (1 << below(random, 8));
  }
  return copy;
};

const overwrite: Mutation = ({ bytes, headerEnd }, random) => {
  const copy = bytes.slice();
  const start = below(random, headerEnd);
  for (let i = below(random, 64); i >= 0; i--) copy[start + i] = below(random, 256);
  return copy;
};

const splice: Mutation = ({ bytes, headerEnd }, random) => {
  const from = below(random, headerEnd);
  const length = below(random, Math.min(512, headerEnd - from));
  const at = below(random, headerEnd);
  const removed = below(random, 3) === 0 ? length : below(random, 64);
  const copy = new Uint8Array(bytes.length + length);
  copy.set(bytes.subarray(0, at));
  copy.set(bytes.subarray(from, from + length), at);
  copy.set(bytes.subarray(Math.min(bytes.length, at + removed)), at + length);
  return copy;
};

const lie: Mutation = (built, random) => {
  const copy = built.bytes.slice();
  const view = new DataView(copy.buffer);
  const fields = lengthFields(built);
  for (let i = below(random, 3); i >= 0; i--) {
    const at = pick(random, fields);
    if (at + 8 > copy.length) continue;
    const near = view.getBigUint64(at, true) + BigInt(below(random, 5) - 2);
    view.setBigUint64(
      at,
      below(random, 3) === 0 ? BigInt.asUintN(64, near) : pick(random, LIES),
      true,
    );
  }
  return copy;
};

const duplicate: Mutation = (built, random) => {
  const { bytes, metadataAt, tensorsAt, headerEnd } = built;
  const keys = below(random, 2) === 0;
  const starts = keys ? metadataAt : tensorsAt;
  const index = below(random, starts.length);
  const start = starts[index] ?? 24;
  const end = starts[index + 1] ?? (keys ? tensorsAt[0] : undefined) ?? headerEnd;
  const copy = new Uint8Array(bytes.length + end - start);
  copy.set(bytes.subarray(0, end));
  copy.set(bytes.subarray(start), end);
  const view = new DataView(copy.buffer);
  const count = keys ? 16 : 8;
  view.setUint32(count, view.getUint32(count, true) + 1, true);
  return copy;
};

const deepen: Mutation = (_built, random) => {
  let value: WrittenArray = { elementType: "uint8", elements: [1] };
  for (let depth = below(random, random() < 0.9 ? 6 : 1000); depth > 0; depth--) {
    value = { elementType: "array", elements: [value] };
  }
  if (random() < 0.01) {
    const inner = value;
    const elements = Array.from({ length: 4000 + below(random, 200) }, () => inner);
    value = { elementType: "array", elements };
  }
  return buildHeader({ metadata: [{ key: "deep", type: "array", value }] }).bytes;
};

const overflow: Mutation = (built, random) => {
  const copy = built.bytes.slice();
  const view = new DataView(copy.buffer);
  const at = pick(random, built.tensorsAt);
  const dimensionsAt = at + 8 + view.getUint32(at, true);
  const count = below(random, 6);
  if (random() < 0.5) view.setUint32(dimensionsAt, count, true);
  for (let i = 0; i < 4; i++) {
    const place = dimensionsAt + 4 + 8 * i;
    if (random() < 0.5 && place + 8 <= copy.length) {
      view.setBigUint64(place, pick(random, LIES), true);
    }
  }
  return copy;
};

const MUTATIONS: readonly (readonly [string, Mutation])[] = Object.entries({
  cut,
  flip,
  overwrite,
  splice,
  lie,
  duplicate,
  deepen,
  overflow,
});

/** Mutates a file once or twice; the same seed does the same. */
export function mutate(built: Built, random: Random): Mutated {
  const [name, mutation] = pick(random, MUTATIONS);
  let bytes = mutation(built, random);
  let how = name;
  if (random() < 0.2 && bytes.length > 0) {
    bytes = flip({ ...built, bytes: bytes.slice(), headerEnd: bytes.length }, random);
    how += ", flip";
  }
  if (random() < 0.2) {
    return { bytes, size: 2 ** (10 + below(random, 42)), how: `${how}, another size` };
  }
  return { bytes, size: bytes.length, how };
}
