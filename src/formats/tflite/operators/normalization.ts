/** Normalizes vectors to length 1. */

import type { Value } from "../../../graph/graph.ts";
import { clip } from "../../../ops/activation/clip.ts";
import { div } from "../../../ops/arithmetic/div.ts";
import { mean } from "../../../ops/arithmetic/mean.ts";
import { mul } from "../../../ops/arithmetic/mul.ts";
import { scale } from "../../../ops/arithmetic/scale.ts";
import { sqrt } from "../../../ops/arithmetic/sqrt.ts";
import { broadcast } from "../../../ops/shape/broadcast.ts";
import type { OperatorContext, OperatorReader } from "../operator-context.ts";
import { activated } from "./activation.ts";
import { throughReal } from "./quantization.ts";

/** The minimum length that LiteRT divides by. */
const LEAST = 1e-6;
const LARGEST = 3.4028234663852886e38;

/** Divides rows of the last axis by the square root of the sum of their squares. */
function unitRows(s: OperatorContext, x: Value): Value {
  const { shape } = x.type;
  const squares = s.add(mul, [x, x], {});
  const means = s.add(mean, [squares], { axes: [shape.length - 1], keepDims: true });
  const sums = s.add(scale, [means], { scale: shape.at(-1)! });
  const lengths = s.add(sqrt, [s.add(clip, [sums], { low: LEAST ** 2, high: LARGEST })], {});
  return s.add(div, [x, s.add(broadcast, [lengths, x], { shape })], {});
}

export const unitLength: OperatorReader = s => {
  const x = s.activation();
  s.demandOwnRows(x);
  const { value, dimensions } = x;
  s.give(
    activated(
      s,
      throughReal(s, [value], ([real]) => unitRows(s, real!)),
      0,
    ),
    dimensions,
  );
};
