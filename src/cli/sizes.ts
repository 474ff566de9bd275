/** Sizes of a file, for JSON reports and tables. */
import type { Analysis } from "../compress/index.ts";

export interface Sizes {
  /** Bytes of all parameters as float32. */
  origModelSize: number;
  /** Bytes of the file if every weight were stored as float32. */
  floatModelSize: number;
  /** Bytes of the file. */
  compressedModelSize: number;
  /** origModelSize / compressedModelSize. */
  compressionRatio: number;
}

export const sizesOf = ({ original, float, compressed, ratio }: Analysis): Sizes => ({
  origModelSize: original,
  floatModelSize: float,
  compressedModelSize: compressed,
  compressionRatio: ratio,
});

export const sizesText = (sizes: Sizes): string =>
  `parameters as float32 ${sizes.origModelSize} bytes, file in float ${sizes.floatModelSize}, this file ${sizes.compressedModelSize}: ${sizes.compressionRatio.toFixed(1)} times smaller`;
