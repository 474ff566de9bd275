// Unpacks the other binaries, which are embedded in the JavaScript (docs/packing.md). It is small, as browsers compile
// no more than 4 kB at once on a page's main thread, and it validates exactly where there is SIMD.
//
// Unpacking is LZMA as its specification describes it (LZMA SDK, lzma-specification.txt), with lc = 3, lp = 0, pb = 2
// and without the header. The model, probabilities of 11 bits in 16 each, begins at address 0:
//
//   literals      by the top three bits of the byte before: 8 x 768
//   lengths       of matches, then of repetitions: choice, choice2, . , . , low [4][8], middle [4][8], high [256]
//   slots         of distances, by the length: [4][64]
//   near, low     the remaining bits of distances with few bits: [128], the lowest four of the others: [16]
//   isMatch ...   the kind of the next symbol, by the kinds before it (a state of 12), two of them also by the
//                 position: [12][4]

/** Bytes of memory that `unpack` uses for itself, from address 0 on. */
const OWN: usize = 16384;

const LITERALS: usize = 0;
const LENGTHS: usize = LITERALS + 2 * 8 * 768;
const REPEATED_LENGTHS: usize = LENGTHS + 2 * (4 + 32 + 32 + 256);
const SLOTS: usize = REPEATED_LENGTHS + 2 * (4 + 32 + 32 + 256);
const NEAR: usize = SLOTS + 2 * 4 * 64;
const LOW: usize = NEAR + 2 * 128;
const IS_MATCH: usize = LOW + 2 * 16;
const IS_LONG: usize = IS_MATCH + 2 * 12 * 4;
const IS_REPEATED: usize = IS_LONG + 2 * 12 * 4;
const IS_LAST: usize = IS_REPEATED + 2 * 12;
const IS_SECOND: usize = IS_LAST + 2 * 12;
const IS_THIRD: usize = IS_SECOND + 2 * 12;

// The range decoder: where it reads, and the part of its interval that is left.
let next: usize = 0;
let range: u32 = 0;
let code: u32 = 0;

/** The next bit, whose probability of being 0 is stored at p. */
function bit(p: usize): u32 {
  const probability = <u32>load<u16>(p);
  const bound = (range >>> 11) * probability;
  const one = code >= bound;
  if (one) {
    range -= bound;
    code -= bound;
    store<u16>(p, probability - (probability >>> 5));
  } else {
    range = bound;
    store<u16>(p, probability + ((2048 - probability) >>> 5));
  }
  refill();
  return <u32>one;
}

@inline function refill(): void {
  if (range < 1 << 24) {
    range <<= 8;
    code = (code << 8) | load<u8>(next++);
  }
}

/** Bits down a tree of probabilities until `end` is reached, the highest bit first, below a leading 1. */
function tree(p: usize, end: u32): u32 {
  let node: u32 = 1;
  while (node < end) node = (node << 1) | bit(p + (node << 1));
  return node - end;
}

/** The same with the lowest bit first. */
function reverseTree(p: usize, bits: u32): u32 {
  let node: u32 = 1;
  let value: u32 = 0;
  for (let i: u32 = 0; i < bits; i++) {
    const b = bit(p + (node << 1));
    node = (node << 1) | b;
    value |= b << i;
  }
  return value;
}

/**
 * Decodes a byte after `before`. While its bits equal those of `instead`, the byte that follows the source of the last
 * match, it has trees of its own.
 */
function literal(before: u32, instead: u32, afterMatch: bool): u32 {
  const p = LITERALS + (<usize>(before >>> 5)) * 1536;
  let node: u32 = 1;
  while (afterMatch && node < 256) {
    instead <<= 1;
    const expected = instead & 256;
    const b = bit(p + ((256 + expected + node) << 1));
    node = (node << 1) | b;
    afterMatch = b == expected >>> 8;
  }
  while (node < 256) node = (node << 1) | bit(p + (node << 1));
  return node;
}

function matchLength(p: usize, byPosition: usize): u32 {
  if (!bit(p)) return 2 + tree(p + 8 + (byPosition << 4), 8);
  if (!bit(p + 2)) return 10 + tree(p + 72 + (byPosition << 4), 8);
  return 18 + tree(p + 136, 256);
}

/** The distance of a match of this length. */
function distance(length: u32): u32 {
  const slot = tree(SLOTS + (min<u32>(length - 2, 3) << 7), 64);
  if (slot < 4) return slot + 1;
  const bits = (slot >>> 1) - 1;
  let value = 2 | (slot & 1);
  if (slot < 14) {
    value <<= bits;
    return value + reverseTree(NEAR + ((value - slot) << 1), bits) + 1;
  }
  for (let i = bits; i > 4; i--) {
    range >>>= 1;
    const one = code >= range;
    if (one) code -= range;
    value = (value << 1) | <u32>one;
    refill();
  }
  return (value << 4) + reverseTree(LOW, 4) + 1;
}

/**
 * Decodes the first `bytes` bytes of the stream at `from` to `to`. Returns the address after the last byte read: a
 * stream cut off there still holds them.
 */
export function unpack(from: usize, to: usize, bytes: i32): usize {
  for (let p: usize = 0; p < OWN; p += 16) v128.store(p, i16x8.splat(1024));
  const start = to;
  const end = to + bytes;
  next = from + 1; // the first byte is always 0
  range = -1;
  code = 0;
  for (let i = 0; i < 4; i++) code = (code << 8) | load<u8>(next++);
  let state: usize = 0;
  // distances of the last four matches, the last one first
  let d0: u32 = 1;
  let d1: u32 = 1;
  let d2: u32 = 1;
  let d3: u32 = 1;
  while (to < end) {
    const byPosition = (to - start) & 3;
    const byBoth = ((state << 2) + byPosition) << 1;
    if (!bit(IS_MATCH + byBoth)) {
      const before = to > start ? load<u8>(to - 1) : 0;
      store<u8>(to, literal(before, load<u8>(to - d0), state > 6));
      to++;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    const byState = state << 1;
    let length: u32;
    if (bit(IS_REPEATED + byState)) {
      length = 0;
      if (bit(IS_LAST + byState)) {
        let d = d1;
        if (bit(IS_SECOND + byState)) {
          d = d2;
          if (bit(IS_THIRD + byState)) {
            d = d3;
            d3 = d2;
          }
          d2 = d1;
        }
        d1 = d0;
        d0 = d;
      } else if (!bit(IS_LONG + byBoth)) length = 1;
      if (length) state = state < 7 ? 9 : 11;
      else {
        length = matchLength(REPEATED_LENGTHS, byPosition);
        state = state < 7 ? 8 : 11;
      }
    } else {
      d3 = d2;
      d2 = d1;
      d1 = d0;
      length = matchLength(LENGTHS, byPosition);
      d0 = distance(length);
      state = state < 7 ? 7 : 10;
    }
    // byte by byte: a match may overlap its copy
    for (; length && to < end; length--, to++) store<u8>(to, load<u8>(to - d0));
  }
  return next;
}

// ---------------------------------------------------------------- bytes

/**
 * Decodes text of six bits a character, in place. It begins with its alphabet: the 64 ASCII characters for 0 to 63.
 * Uses the memory below 128.
 */
export function decode(text: usize, characters: i32): void {
  let to = text;
  const end = text + characters;
  for (let i: usize = 0; i < 64; i++) store<u8>(load<u8>(text++), i);
  for (; text < end; text += 4) {
    let bits: u32 = 0;
    for (let i: usize = 0; i < 4; i++) bits = (bits << 6) | load<u8>(load<u8>(text + i));
    store<u8>(to, bits >>> 16);
    store<u8>(to, bits >>> 8, 1);
    store<u8>(to, bits, 2);
    to += 3;
  }
}
