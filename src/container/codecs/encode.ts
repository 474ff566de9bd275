/** Chooses the codec that makes a tensor smallest. */
import type { TypedArray } from "../../base/shape.ts";
import { codebookEncoder, sparseCodebookEncoder } from "./codebook.ts";
import type { Elements, Encoder } from "./codec.ts";
import { float16Encoder, sparseFloat16Encoder } from "./float16.ts";
import { packedEncoder } from "./packed.ts";
import { rawEncoder } from "./raw.ts";
import { sparseEncoder, sparsePackedEncoder } from "./sparse.ts";

/** The candidates; the first of equal cost is taken. */
export const ENCODERS: readonly Encoder[] = [
  rawEncoder,
  packedEncoder,
  sparseEncoder,
  sparsePackedEncoder,
  codebookEncoder,
  sparseCodebookEncoder,
  float16Encoder,
  sparseFloat16Encoder,
];

export interface Encoded {
  codec: number;
  bytes: Uint8Array;
}

/** Reinterprets the bits of `data` as integers. */
export const elementsOf = ({ buffer, byteOffset, length, BYTES_PER_ELEMENT }: TypedArray): Elements =>
  BYTES_PER_ELEMENT === 1 ? new Int8Array(buffer, byteOffset, length) : new Int32Array(buffer, byteOffset, length);

/** The smallest encoding of a tensor. */
export function encode(data: TypedArray): Encoded {
  const elements = elementsOf(data);
  const [first, ...others] = ENCODERS;
  let best = first!;
  let least = best.cost(elements);
  for (const encoder of others) {
    const cost = encoder.cost(elements);
    if (cost < least) [best, least] = [encoder, cost];
  }
  return { codec: best.id, bytes: best.encode(elements) };
}
