// Reads files: the checksum of their bytes, and numbers of any width from their bits. This is a module of its own,
// small enough to be compiled at once, and without SIMD, so that a file can be read wherever there is WebAssembly.

/**
 * CRC-32 as in gzip and PNG (polynomial 0xEDB88320, reflected), continued from `crc`, which is 0 at first. Takes four
 * bytes at a time, with a table for each; the tables begin at address 0.
 */
export function crc32(crc: u32, x: usize, bytes: i32): u32 {
  if (!load<u32>(4)) makeTables();
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

/** Entry 256 k + b: the remainder of byte b followed by k zero bytes. */
function makeTables(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let i = 0; i < 8; i++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
    store<u32>(byte << 2, remainder);
  }
  for (let entry: u32 = 256; entry < 1024; entry++) store<u32>(entry << 2, followed(load<u32>((entry - 256) << 2)));
}

/** The remainder one byte later, by the first table. */
function followed(crc: u32): u32 {
  return load<u32>((crc & 255) << 2) ^ (crc >>> 8);
}

// State between two calls of `fields`: the bits of the byte at x that are already read, the zeros left over at the
// beginning of the next part, and whether an element whose gap has been read follows those.
let shift: u32 = 0;
let skip: u32 = 0;
let due: bool = false;

/** Begins a tensor. */
export function begin(): void {
  shift = 0;
  skip = 0;
  due = false;
}

/** Zeros of a gap that reaches beyond the elements of this part. */
export function beyond(): u32 {
  return skip;
}

/**
 * Writes the next `elements` elements of a tensor to `y`, `bytes` (1 or 4) bytes each, from the bits at `x`, lowest
 * first. An element has `width` bits and is sign-extended. Where `gap` is not 0, the number of zeros before an element
 * precedes it, in codes of `gap` bits; the greatest code means that number of zeros and no element (docs/container.md,
 * "Codecs"). Up to eight bytes behind the bits are read. Returns the address of the first byte with unread bits.
 */
export function fields(x: usize, y: usize, elements: u32, bytes: u32, width: u32, gap: u32): usize {
  memory.fill(y, 0, elements * bytes);
  const escape: u32 = (1 << gap) - 1;
  const unused = 64 - width;
  let at = skip;
  while (at < elements) {
    let bits = load<u64>(x) >>> shift; // 57 at least: a code and an element
    if (gap && !due) {
      const code = <u32>bits & escape;
      bits >>>= gap;
      shift += gap;
      at += code;
      due = code != escape;
    }
    if (!gap || (due && at < elements)) {
      const element = <i64>(bits << unused) >> unused;
      if (bytes == 1) store<u8>(y + at, element);
      else store<u32>(y + (at << 2), element);
      at++;
      shift += width;
      due = false;
    }
    x += shift >>> 3;
    shift &= 7;
  }
  skip = at - elements;
  return x;
}

/** The number of bits already read of the byte at the address that `fields` returned. */
export function begun(): u32 {
  return shift;
}
