/** What a `.penjing` file consists of; docs/container.md draws it byte by byte. */

/** The character for "pot" (盆) in UTF-8: not ASCII, so that a file sent as text is found out at once. */
export const MAGIC = [0xe7, 0x9b, 0x86] as const;

export const VERSION = 1;

/** A section's type, in the upper half of its first byte. Numbers are for ever. */
export const SECTION = { graph: 1, tensors: 2, names: 3, labels: 4, preprocessing: 5, metadata: 6 } as const;

export type SectionName = keyof typeof SECTION;

/** A section's codec, in the lower half of its first byte. */
export const SECTION_CODEC = { plain: 0, json: 1 } as const;

/** The one codec each section has so far. */
export const CODEC_OF: Record<SectionName, number> = {
  graph: SECTION_CODEC.plain,
  tensors: SECTION_CODEC.plain,
  names: SECTION_CODEC.plain,
  labels: SECTION_CODEC.plain,
  preprocessing: SECTION_CODEC.json,
  metadata: SECTION_CODEC.json,
};

export const CHECKSUM_BYTES = 4;

/** Element types by number. */
export const DTYPES = ["f32", "i8", "u8", "i32", "u32"] as const;

/** The low three bits of a node's first number; the op's number stands above them. */
export const NODE = {
  attributes: 1,
  /** Bits 1 and 2: one of these. */
  shape: {
    /** Inputs as usual, outputs as inferred. */
    plain: 0,
    /** Inputs as usual, output 0 quantized to int8, by the node's attribute or by hand: its zero point follows. */
    quantized: 1,
    /** Inputs listed, outputs as inferred. */
    listed: 2,
    /** A byte of `more` bits follows. */
    general: 3,
  },
  more: { listed: 1, retyped: 2, quantized: 4 },
} as const;

/** The op number that ends the nodes and begins the list of results; without it the last node's first output is the result. */
export const RESULTS = 0;

/** Bits of a state's first byte; the type is in the lowest three. */
export const STATE = { codecShift: 3, codecMask: 3, shaped: 0x20, quantized: 0x40, more: 0x80 } as const;

/** Bits of a state's second byte, where it has one. */
export const STATE_MORE = { frozen: 1, quantization: 2 } as const;

/** What the file may say of a network besides what runs. */
export interface Extras {
  /** One name for each class. */
  labels?: readonly string[];
  preprocessing?: Preprocessing;
  /** Anything JSON can say: who made it, from what, how good it is. */
  metadata?: Record<string, unknown>;
}

/** How a picture becomes an input: x = scale * stored + offset, or (scale * stored - mean) / std for each channel. */
export interface Preprocessing {
  scale?: number;
  offset?: number;
  mean?: readonly number[];
  std?: readonly number[];
  /** Order of the axes the network was trained with. Default: "NHWC". */
  layout?: "NHWC" | "NCHW";
}
