/** Constants of the `.penjing` format; docs/container.md describes it byte by byte. */

/** The character for "pot" (盆) in UTF-8: not ASCII, so that a file damaged by a transfer as text is recognized. */
export const MAGIC = [0xe7, 0x9b, 0x86] as const;

/**
 * The byte after the magic number, as this library writes it; versions 1 and 2 are read too. Version 1 has its number
 * in the lower half of that byte.
 */
export const VERSION = 3;

/** Element types by number. */
export const DTYPES = ["f32", "i8", "u8", "i32", "u32"] as const;

/** The low three bits of a node's first number; the bits above them are the op's number. */
export const NODE = {
  /** Some attributes are not default, and follow. */
  attributes: 1,
  /** The node chooses the quantization of its output, which follows the inputs. */
  quantized: 2,
  /** The inputs are not the usual ones, and are listed. */
  listed: 4,
} as const;

/**
 * Replaces a node's first number: a list of results follows, and ends the file. Without it the last value is the
 * result.
 */
export const RESULTS = 0;

/** Bits of an input's first byte; the type is in the lowest three, the number of axes in the highest four. */
export const INPUT = { quantized: 8, axesShift: 4 } as const;

/** Bits of a state's first number; the type is in the lowest three. */
export const STATE = {
  /** The shape does not follow from the op, and is stored. */
  shaped: 8,
  /** Quantized as usual. */
  quantized: 16,
  /** No optimizer may change it. */
  frozen: 32,
  /** Quantized in another way. */
  scaled: 64,
} as const;

/** Version 2 stored the number of the codec between the type and these bits. */
export const STATE_2 = { codecShift: 3, codecMask: 3, flagsShift: 2 } as const;

/** No engine's memory can hold 2^31 elements. */
export const MAX_ELEMENTS = 2 ** 31 - 1;
