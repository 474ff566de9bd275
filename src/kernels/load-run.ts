/**
 * The binary that runs networks. A module apart from the training one, so that a page that only runs never carries
 * that.
 */
import { packed, variants } from "../../build/run-binaries.ts";
import { kernels } from "../../build/run-kernels.ts";
import type { Binary } from "./load.ts";

/** Its variants give the same bits, as long as the dot product of the relaxed one is clean. */
export const RUN: Binary = { name: "run", packed, variants, kernels, automatic: true };
