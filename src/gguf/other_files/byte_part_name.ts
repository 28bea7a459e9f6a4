/** The name of a piece that a file was cut into by bytes, such as `m.gguf.part1of2`. */
export interface BytePartName {
  /** The name of the file that the pieces make. */
  readonly whole: string;
  /** Its place among the pieces, from 0 or 1 on, as the name counts. */
  readonly number: number;
  /** How many there are, where the name says. */
  readonly count?: number;
  /** Whether it is counted in letters, as split(1) does, `aa` being 0. */
  readonly byLetters: boolean;
  /** Whether such a name means nothing else: then it is one without any other piece beside it. */
  readonly certain: boolean;
  /** How the name is written: pieces of one file are written alike. */
  readonly style: string;
  /** The name of another piece. */
  nameOf(number: number): string;
}

/** The way a name is written: what stands before the number, the number, and what follows it. */
interface Style {
  readonly pattern: RegExp;
  readonly certain: boolean;
}

/**
 * The names that people and programs give the pieces: `before` the number, `number` itself or
 * `letters` as split(1) counts, `of` and `count`, and `after`. What stays of `before` without the
 * word for a piece is the whole file's name.
 */
const STYLES: readonly Style[] = [
  // m.gguf.part1of2, m.gguf.part-01-of-12, m.gguf.split-00001-of-00002, m.part1of2.gguf
  {
    pattern:
      /^(?<before>(?<whole>.+)[.\-_ ](?:part|split|chunk|piece)[.\-_ ]?)(?<number>\d+)(?<of>[.\-_ ]?of[.\-_ ]?)(?<count>\d+)(?<after>\.gguf)?$/i,
    certain: true,
  },
  // m.gguf.1of2, m.gguf-00001-of-00002
  {
    pattern:
      /^(?<before>(?<whole>.+\.gguf)[.\-_ ])(?<number>\d+)(?<of>[.\-_ ]?of[.\-_ ]?)(?<count>\d+)$/i,
    certain: true,
  },
  // m.gguf.part1, m.gguf-part-001, m.gguf.split.2
  {
    pattern:
      /^(?<before>(?<whole>.+\.gguf)[.\-_ ](?:part|split|chunk|piece)[.\-_ ]?)(?<number>\d+)$/i,
    certain: true,
  },
  // m.gguf.part-aa, m.gguf-split-a, m.gguf.partab
  {
    pattern:
      /^(?<before>(?<whole>.+\.gguf)[.\-_ ](?:part|split|chunk|piece)[.\-_ ]?)(?<letters>[a-z]{1,3})$/,
    certain: true,
  },
  // m.gguf.001, m.gguf.7z.001
  {
    pattern: /^(?<before>(?<whole>.+\.(?:gguf|7z|zip|rar))[.\-_])(?<number>\d{1,5})$/i,
    certain: true,
  },
  // m.part1.gguf, m-part-01.gguf
  {
    pattern:
      /^(?<before>(?<whole>.+)[.\-_ ](?:part|split|chunk|piece)[.\-_ ]?)(?<number>\d+)(?<after>\.gguf)$/i,
    certain: false,
  },
  // m.part-aa.gguf
  {
    pattern:
      /^(?<before>(?<whole>.+)[.\-_ ](?:part|split|chunk|piece)[.\-_ ]?)(?<letters>[a-z]{1,3})(?<after>\.gguf)$/,
    certain: false,
  },
  // m-00001-of-00002.gguf, which also is how llama.cpp's own split names its parts
  {
    pattern: /^(?<before>(?<whole>.+)-)(?<number>\d{5})(?<of>-of-)(?<count>\d{5})(?<after>\.gguf)$/,
    certain: false,
  },
  // m.gguf.aa, m.ggufaa
  { pattern: /^(?<before>(?<whole>.+\.gguf)[.\-_]?)(?<letters>[a-z]{2,3})$/, certain: false },
  // m.part1, m.001
  {
    pattern: /^(?<before>(?<whole>.+?)[.\-_](?:part|split|chunk|piece)?[.\-_]?)(?<number>\d{1,5})$/,
    certain: false,
  },
  // xaa, p.aa, as split(1) does unless it is told otherwise
  { pattern: /^(?<before>x|(?<whole>.+)[.\-_])(?<letters>[a-z]{2,3})$/, certain: false },
];

/**
 * Takes the name of a piece apart, as far as it may be one; the likeliest way first, since a name can
 * be read in several.
 *
 * @example
 * ```ts
 * import { bytePartNames } from "./byte_part_name.ts";
 * const [part] = bytePartNames("m.gguf.part01of12");
 * if (part?.whole !== "m.gguf" || part.number !== 1 || part.count !== 12) throw new Error("name");
 * if (part.nameOf(12) !== "m.gguf.part12of12") throw new Error("The digits of the name");
 * ```
 */
export function bytePartNames(name: string): BytePartName[] {
  return STYLES.flatMap(({ pattern, certain }, index) => {
    const groups = pattern.exec(name)?.groups;
    if (groups === undefined) return [];
    const { before = "", whole = "model", number, letters = "", of = "", count = "", after = "" } =
      groups;
    const written = number ?? letters;
    const place = number === undefined ? numberOfLetters(letters) : Number(number);
    return [{
      whole: /\.gguf$|\.(7z|zip|rar)$/i.test(whole) ? whole : `${whole}.gguf`,
      number: place,
      ...(count === "" ? {} : { count: Number(count) }),
      byLetters: number === undefined,
      certain,
      // Letters and digits of one width count together; 9 and 10 do too.
      style: JSON.stringify([
        index,
        before,
        of,
        count,
        after,
        number === undefined && letters.length,
      ]),
      nameOf: (other: number) => {
        const counted = number === undefined
          ? lettersOf(other, letters.length)
          : String(other).padStart(written.startsWith("0") ? written.length : 1, "0");
        return before + counted + of + count + after;
      },
    }];
  });
}

/** `aa` is 0, `ab` 1, `ba` 26. */
function numberOfLetters(letters: string): number {
  return [...letters].reduce((number, letter) => number * 26 + letter.charCodeAt(0) - 97, 0);
}

function lettersOf(number: number, width: number): string {
  let letters = "";
  for (let left = number, at = 0; at < width; at++, left = Math.floor(left / 26)) {
    letters = String.fromCharCode(97 + left % 26) + letters;
  }
  return letters;
}
