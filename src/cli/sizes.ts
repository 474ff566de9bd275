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

export function sizesText({ origModelSize, floatModelSize, compressedModelSize, compressionRatio }: Sizes): string {
  const sizes = `${origModelSize} bytes, file in float ${floatModelSize}, this file ${compressedModelSize}`;
  return `parameters as float32 ${sizes}: ${compressionRatio.toFixed(1)} times smaller`;
}
