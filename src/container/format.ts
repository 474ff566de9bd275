/** The numbers of a `.penjing` file; docs/container.md draws it byte by byte. */

/** The character for "pot" (盆) in UTF-8: not ASCII, so that a file sent as text is found out at once. */
export const MAGIC = [0xe7, 0x9b, 0x86] as const;

/** The byte behind the magic; version 1 had its number in the lower half of it. */
export const VERSION = 2;

/** Element types by number. */
export const DTYPES = ["f32", "i8", "u8", "i32", "u32"] as const;

/** The low three bits of a node's first number; the op's number stands above them. */
export const NODE = {
  /** Some attributes are not as usual, and follow. */
  attributes: 1,
  /** The node chooses the quantization of its output: that follows the inputs. */
  quantized: 2,
  /** The inputs are not as usual, and listed. */
  listed: 4,
} as const;

/** In place of a node's first number: a list of results follows, and ends the file. Without it the last value is the result. */
export const RESULTS = 0;

/** Bits of an input's first byte; the type is in the lowest three, the number of axes in the highest four. */
export const INPUT = { quantized: 8, axesShift: 4 } as const;

/** Bits of a state's first number; the type is in the lowest three. */
export const STATE = {
  /** Only elements that are not zero are stored, each after its gap. */
  sparse: 8,
  /** Elements take fewer bits than their type has. */
  packed: 16,
  /** The shape does not follow from the op, and is stored. */
  shaped: 32,
  /** Quantized as usual. */
  quantized: 64,
  /** No optimizer may touch it. */
  frozen: 128,
  /** Quantized in another way. */
  scaled: 256,
} as const;

/** Gaps of up to 8 bits: longer ones pay for themselves by escapes, and a byte never unpacks to more than 255 elements. */
export const MAX_GAP_BITS = 8;

/** 2^31 elements are more than any engine's memory holds. */
export const MAX_ELEMENTS = 2 ** 31 - 1;
