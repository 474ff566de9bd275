/** Decodes a tensor by the number of its codec. */
import type { ByteReader } from "../../base/bytes.ts";
import { BYTES, type DType, type TypedArray, view } from "../../base/shape.ts";
import { codebookDecoder, sparseCodebookDecoder } from "./codebook.ts";
import type { Decoder } from "./codec.ts";
import { float16Decoder, sparseFloat16Decoder } from "./float16.ts";
import { packedDecoder } from "./packed.ts";
import { rawDecoder } from "./raw.ts";
import { sparseDecoder, sparsePackedDecoder } from "./sparse.ts";

const DECODERS: readonly Decoder[] = [
  rawDecoder,
  packedDecoder,
  sparseDecoder,
  sparsePackedDecoder,
  codebookDecoder,
  sparseCodebookDecoder,
  float16Decoder,
  sparseFloat16Decoder,
];

/** Decodes `length` elements of tensor `name`. Error: a PenjingError with code `codec` for an unknown number. */
export function decode(codec: number, name: string, dtype: DType, length: number, from: ByteReader): TypedArray {
  const decoder = DECODERS.find(({ id }) => id === codec);
  if (!decoder) throw from.error("codec", `tensor "${name}" is stored by codec ${codec}, which is unknown here`);
  const { buffer } = decoder.decode(from, length, BYTES[dtype]);
  return view(dtype, buffer, 0, length);
}
