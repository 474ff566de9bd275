import type { Rows } from "./row.ts";

/** Running sums of a training or evaluation: assembly/tally.ts. */
export const tally = {
  /**
   * sum (two f64 numbers) += (sum of w[i] * x[i], sum of w[i]) over n images in order; `weighted` 0: every w is 1 and
   * `w` is not read. x and w are f32, one per image, contiguous.
   */
  tally: {
    args: { n: "count", x: "read", w: "read", weighted: "int", sum: "update" },
    binary: "train",
  },
  /**
   * The same for a number that stands for the whole batch of n images: sum += (n * x, 0). Penalties of regularisers.
   */
  tally_penalty: { args: { n: "count", x: "read", sum: "update" }, binary: "train" },
} as const satisfies Rows;
