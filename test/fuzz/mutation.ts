/**
 * Files with altered bytes, as by damage and by an attacker: flipped, truncated, inserted, spliced, with huge numbers.
 */
import { ByteWriter } from "../../src/base/byte-writer.ts";
import { ByteReader } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import { crc32 } from "../../src/kernels/bits.ts";

const NASTY = [0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 63, 64, 127, 128, 129, 192, 240, 254, 255];
const LENGTHS = [127, 128, 16383, 65535, 2 ** 21, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

type Edit = (bytes: Uint8Array, at: number, random: Random) => Uint8Array;

const pick = <T>(list: readonly T[], random: Random): T => list[random.integer(list.length)]!;

/** `bytes` with `removed` of them at `at` replaced. */
function spliced(bytes: Uint8Array, at: number, removed: number, added: ArrayLike<number>): Uint8Array {
  const result = new Uint8Array(bytes.length - removed + added.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(at + removed), at + added.length);
  return result;
}

function changed(bytes: Uint8Array, at: number, of: (byte: number) => number): Uint8Array {
  const result = bytes.slice();
  result[at] = of(result[at]!);
  return result;
}

const EDITS: readonly Edit[] = [
  (bytes, at, random) => changed(bytes, at, v => v ^ (1 << random.integer(8))),
  (bytes, at, random) => changed(bytes, at, () => pick(NASTY, random)),
  (bytes, at, random) => changed(bytes, at, v => v + pick([1, -1, 2, 3, 4, 8, 16], random)),
  (bytes, at) => bytes.slice(0, Math.max(5, at)),
  (bytes, at, random) => {
    const added = Array.from({ length: 1 + random.integer(8) }, () => random.integer(256));
    return spliced(bytes, at, 0, added);
  },
  (bytes, at, random) => spliced(bytes, at, Math.min(bytes.length - at, 1 + random.integer(16)), []),
  (bytes, at, random) => spliced(bytes, at, 0, bytes.subarray(at, at + 1 + random.integer(200))),
  (bytes, at, random) => {
    const from = random.integer(bytes.length);
    return spliced(bytes, at, Math.min(bytes.length - at, 8), bytes.subarray(from, from + 8));
  },
  (bytes, at, random) => {
    const length = new ByteWriter();
    length.varint(pick(LENGTHS, random));
    return spliced(bytes, at, 1, length.bytes());
  },
  (bytes, at, random) => {
    const word = new Uint8Array(4);
    new DataView(word.buffer).setUint32(0, pick([0, 1, bytes.length, 2 ** 16, ...LENGTHS], random), true);
    const place = at & ~3;
    return place + 4 > bytes.length ? bytes : spliced(bytes, place, 4, word);
  },
];

/** `bytes` after one to six edits, most of them near the front, where the structure is. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let result = bytes;
  for (let edits = random.uniform() < 0.5 ? 1 : 1 + random.integer(6); edits > 0 && result.length > 4; edits--) {
    const front = Math.min(result.length, 400);
    const at = random.integer(random.uniform() < 0.6 ? front : result.length);
    result = pick(EDITS, random)(result, at, random);
  }
  return result;
}

/** A `.penjing` file mutated after its header, with the length and checksum of its new contents. */
export function resealed(file: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const from = new ByteReader(file);
  const magic = from.raw(4);
  from.varint();
  from.u32();
  const contents = mutated(file.slice(from.offset), random);
  const to = new ByteWriter();
  to.raw(magic);
  to.varint(contents.length);
  to.u32(crc32(contents));
  to.raw(contents);
  return to.bytes();
}
