/** The binary that trains networks. */
import { packed, variants } from "../../build/train-binaries.ts";
import { kernels } from "../../build/train-kernels.ts";
import type { Binary } from "./load.ts";
import { RUN } from "./load-run.ts";

/**
 * Its relaxed variant fuses multiply-add, which rounds once instead of twice: it is used only if a caller asks for it.
 * Packed, it continues the stream of the running binary, of which half is the same.
 */
export const TRAIN: Binary = { name: "train", packed: RUN.packed + packed, variants, kernels, automatic: false };
