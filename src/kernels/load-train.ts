/** The binary that trains networks. */
import { relaxedFromSimd, simd } from "../../build/train-binaries.ts";
import type { Binary } from "./load.ts";

/** Its relaxed variant fuses multiply-add, which rounds once instead of twice: it is taken only where a caller asks for it. */
export const TRAIN: Binary = { name: "train", simd, relaxedFromSimd, automatic: false };
