// What is needed before the other binaries are there: those lie packed in the JavaScript, and this unpacks them. It is small, as browsers
// compile no more than 4 kB at once on a page's main thread, and it validates exactly where there is SIMD.
//
// A packed module is first told apart into columns (see `assemble`), since like follows like there, then packed.
//
// Unpacking is LZMA as its specification describes it (LZMA SDK, lzma-specification.txt), with lc = 3, lp = 0, pb = 2 and without the
// header. The model, probabilities of 11 bits in 16 each, lies from address 0 on:
//
//   literals      by the top three bits of the byte before: 8 x 768
//   lengths       of matches, then of repetitions: choice, choice2, . , . , low [4][8], middle [4][8], high [256]
//   slots         of distances, by the length: [4][64]
//   near, low     the remaining bits of distances with few bits: [128], the lowest four of the others: [16]
//   isMatch ...   which kind of symbol comes next, by what came before (a state of 12), two of them also by the position: [12][4]

/** Bytes of memory that `unpack` and `crc32` use for themselves, from address 0 on. */
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

/** The next bit, whose probability of being 0 lies at p. */
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

/** A byte after `before`; as long as it goes as in the byte `instead`, which follows where the last match was copied from, by trees of its own. */
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

/** How far back a match of this length begins. */
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
 * The first `bytes` bytes of what the stream at `from` holds, written to `to`. Returns the address after the last byte that it read:
 * a stream cut off there still holds them.
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
    // byte by byte: a match may overlap what it makes
    for (; length && to < end; length--, to++) store<u8>(to, load<u8>(to - d0));
  }
  return next;
}

// ---------------------------------------------------------------- columns -> module

// A module in columns: how long each column is, 4 bytes each, then the columns.
//   HEAD           all that comes before the first function, as it is
//   LOCALS         what each function declares
//   OPCODES        of all instructions
//   GETS, SETS     which local they take or set: its place in the list of this function's locals, those used last in front
//   ADDRESSES      alignments, offsets and lanes of loads and stores
//   VECTORS        16 bytes each
//   REST           all else that follows opcodes
const COLUMNS: usize = 0;
const LOCALS: usize = COLUMNS + 4;
const OPCODES: usize = LOCALS + 4;
const GETS: usize = OPCODES + 4;
const SETS: usize = GETS + 4;
const ADDRESSES: usize = SETS + 4;
const VECTORS: usize = ADDRESSES + 4;
const REST: usize = VECTORS + 4;
/** The list of locals, the last used first, 16 bits each. */
const RECENT: usize = REST + 4;

let out: usize = 0;

/** Copies n bytes of a column. Returns the last. */
function copyBytes(column: usize, n: u32): u32 {
  let p = load<usize>(column);
  let byte: u32 = 0;
  for (; n > 0; n--) {
    byte = load<u8>(p++);
    store<u8>(out++, byte);
  }
  store<usize>(column, p);
  return byte;
}

/** Copies n numbers of a column, seven bits a byte. Returns the last. */
function copyNumbers(column: usize, n: u32): u32 {
  let p = load<usize>(column);
  let to = out;
  let value: u32 = 0;
  for (; n > 0; n--) {
    value = 0;
    for (let shift = 0, byte: u32 = 128; byte > 127; shift += 7) {
      byte = load<u8>(p++);
      store<u8>(to++, byte);
      value |= (byte & 127) << shift;
    }
  }
  store<usize>(column, p);
  out = to;
  return value;
}

/** How much of the list is there; what comes after is in order. */
let listed: u32 = 0;

/** The local at this place of the list, which it then leads. */
function local(place: u32): u32 {
  for (; listed <= place; listed++) store<u16>(RECENT + (listed << 1), listed);
  let at = RECENT + (place << 1);
  const found = load<u16>(at);
  for (; at > RECENT; at -= 2) store<u16>(at, load<u16>(at - 2));
  store<u16>(RECENT, found);
  return found;
}

/** One instruction. Returns by how many blocks one is deeper in after it. A function of its own, so that engines optimize it while it is at work. */
function instruction(): i32 {
  let deeper = 0;
  let numbers: u32 = 0;
  let others: u32 = 0;
  let where = REST;
  const op = copyBytes(OPCODES, 1);
  if (op == 0x0b) deeper = -1;
  else if (op >= 0x02 && op <= 0x04) {
    // block, loop, if
    deeper = 1;
    others = 1;
  } else if (op == 0x0e) numbers = copyNumbers(REST, 1) + 1; // br_table
  else if (op == 0x0c || op == 0x0d || op == 0x10 || (op >= 0x3f && op <= 0x42)) numbers = 1; // br, br_if, call, memory.size, memory.grow, constants
  else if (op >= 0x20 && op <= 0x22) {
    const begin = out;
    const found = local(copyNumbers(op == 0x20 ? GETS : SETS, 1));
    out = begin;
    if (found > 127) store<u8>(out++, found | 128);
    store<u8>(out++, found > 127 ? found >>> 7 : found);
  } else if (op >= 0x28 && op <= 0x3e) {
    // loads and stores
    numbers = 2;
    where = ADDRESSES;
  } else if (op == 0x43) others = 4; // f32.const
  else if (op == 0x44) others = 8; // f64.const
  else if (op == 0xfc) {
    // conversions that saturate, then memory.copy, memory.fill
    const more = copyNumbers(OPCODES, 1);
    if (more >= 10) numbers = 12 - more;
  } else if (op == 0xfd) {
    const more = copyNumbers(OPCODES, 1);
    if (more < 12 || (more >= 84 && more < 94)) {
      // loads and stores, those of single lanes in between
      numbers = 2;
      where = ADDRESSES;
      if (more < 92 && more > 83) others = 1;
    } else if (more < 14) {
      // v128.const, i8x16.shuffle
      others = 16;
      where = VECTORS;
    } else if (more > 20 && more < 35) others = 1; // lanes
  }
  if (numbers) copyNumbers(where, numbers);
  if (others) copyBytes(where, others);
  return deeper;
}

/** The module of `bytes` bytes whose columns are at `from`, written to `to`. */
export function assemble(from: usize, to: usize, bytes: i32): void {
  let column = from + RECENT;
  for (let i: usize = 0; i < RECENT; i += 4) {
    store<usize>(COLUMNS + i, column);
    column += load<usize>(from + i);
  }
  out = to;
  copyBytes(COLUMNS, load<u32>(from));
  const end = to + bytes;
  while (out < end) {
    // a number of three bytes, however long the function is
    const size = out;
    out += 3;
    for (let groups = copyNumbers(LOCALS, 1); groups > 0; groups--) {
      copyNumbers(LOCALS, 1);
      copyBytes(LOCALS, 1);
    }
    listed = 0;
    for (let depth = 1; depth > 0; ) depth += instruction();
    const length = <u32>(out - size - 3);
    store<u8>(size, length | 128);
    store<u8>(size, (length >>> 7) | 128, 1);
    store<u8>(size, length >>> 14, 2);
  }
}

// ---------------------------------------------------------------- bytes

/** Base64 without padding, to bytes in its place. */
export function decode(text: usize, characters: i32): void {
  let to = text;
  for (const end = text + characters; text < end; text += 4) {
    let bits: u32 = 0;
    for (let i: usize = 0; i < 4; i++) {
      const c = <u32>load<u8>(text + i);
      // A-Z, a-z, 0-9, + (43), / (47)
      bits = (bits << 6) | (c > 96 ? c - 71 : c > 64 ? c - 65 : c > 47 ? c + 4 : 62 + ((c >>> 2) & 1));
    }
    store<u8>(to, bits >>> 16);
    store<u8>(to, bits >>> 8, 1);
    store<u8>(to, bits, 2);
    to += 3;
  }
}

/** CRC-32 as in gzip and PNG (polynomial 0xEDB88320, reflected), going on from `crc`, 0 at first: four bytes at a time, by a table for each. */
export function crc32(crc: u32, x: usize, bytes: i32): u32 {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let i = 0; i < 8; i++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
    store<u32>(byte << 2, remainder);
  }
  // entry 256 k + b: what b comes to when k zeros follow
  for (let entry: u32 = 256; entry < 1024; entry++) store<u32>(entry << 2, followed(load<u32>((entry - 256) << 2)));
  crc = ~crc;
  const end = x + bytes;
  for (; x + 4 <= end; x += 4) {
    crc ^= load<u32>(x);
    crc =
      load<u32>((crc & 255) << 2, 3072) ^
      load<u32>(((crc >>> 8) & 255) << 2, 2048) ^
      load<u32>(((crc >>> 16) & 255) << 2, 1024) ^
      load<u32>((crc >>> 24) << 2);
  }
  for (; x < end; x++) crc = followed(crc ^ load<u8>(x));
  return ~crc;
}

/** The remainder one byte later, by the first table. */
function followed(crc: u32): u32 {
  return load<u32>((crc & 255) << 2) ^ (crc >>> 8);
}

/**
 * The elements of a tensor, `bytes` bytes each, written to `y`, from the bits between x and end, lowest first (docs/container.md, "Elements"):
 * every element has `width` bits, sign-extended; where `gap` is not 0 each follows the number of zeros before it, in codes of so many bits.
 * Eight bytes behind the end may be read. Returns the address after the last byte that was needed, which lies behind the end where that comes
 * too early, or 0 where an element would lie behind the others.
 */
export function expand(x: usize, end: usize, y: usize, elements: u32, bytes: u32, width: u32, gap: u32): usize {
  memory.fill(y, 0, elements * bytes);
  const escape: u32 = (1 << gap) - 1;
  const unused = 64 - width;
  let shift: u32 = 0; // bits of the byte at x that are read
  let at: u32 = 0;
  while (at < elements && x <= end) {
    const bits = load<u64>(x) >>> shift; // 57 at least: a code and an element
    shift += gap;
    const code = <u32>bits & escape;
    at += code;
    if (!gap || (code != escape && at < elements)) {
      const element = <i64>((bits >>> gap) << unused) >> unused;
      if (bytes == 1) store<u8>(y + at, element);
      else store<u32>(y + (at << 2), element);
      at++;
      shift += width;
    } else if (code != escape) break;
    x += shift >>> 3;
    shift &= 7;
  }
  return at > elements ? 0 : x + ((shift + 7) >>> 3);
}
