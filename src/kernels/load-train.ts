/** The binary that trains networks. */
import { packed, variants } from "../../build/train-binaries.ts";
import { kernels } from "../../build/train-kernels.ts";
import type { Binary } from "./load.ts";
import { RUN } from "./load-run.ts";

/**
 * Its relaxed variant fuses multiply-add, which rounds once instead of twice: it is taken only where a caller asks for
 * it. Packed, it goes on where the running binary ends: half of it is the same.
 */
export const TRAIN: Binary = { name: "train", packed: RUN.packed + packed, variants, kernels, automatic: false };
