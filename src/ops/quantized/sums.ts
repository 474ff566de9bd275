/**
 * The proof that no int32 sum of a layer with int8 weights can overflow: for every output channel
 *
 *     sum |w - zero point| * 255 + |bias| < 2^31
 *
 * Kernels add up modulo 2^32 in any order, so that it is enough where only the last sum matters. Those that compare
 * sums before the bias is added, or parts of sums (`i8_conv2d_1c_max_pool2d`, `i8_conv2d_fir_max_pool2d`), compare
 * numbers within sum |w| * 255. `i8_conv2d_winograd` has a range of its own besides, which depends on its channels
 * alone.
 */
import { PenjingError } from "../../base/errors.ts";
import { size, type TypedArray } from "../../base/shape.ts";
import type { Node, Value } from "../../graph/graph.ts";
import { requantizationScales } from "./int8-arithmetic.ts";
import { isInt8 } from "./int8-types.ts";

/** The largest distance of an activation from its zero point, and of a stored activation from 0. */
const REACH = 255;
const MOST = 2 ** 31 - 1;

/**
 * A PenjingError `refused` that names the layer, unless its sums fit and its scales have a finite ratio. `steps`: its
 * requantization scales, where they are known already.
 */
export function proveSums(
  { name, inputs, outputs: [y] }: Pick<Node, "name" | "inputs" | "outputs">,
  steps?: Float32Array,
): void {
  const [x, weight, bias] = inputs as [Value, Value, Value | undefined];
  const refused = (why: string) => new PenjingError("refused", `layer "${name}" ${why}`, { path: name });
  let offsets: TypedArray | undefined;
  if (isInt8(x.type)) {
    // asked natively, as loops over floats are slow in code that is new
    if ((steps ?? requantizationScales(x.type, weight.type, y!.type)).includes(Infinity))
      throw refused("has scales that lie too far apart");
    offsets = bias?.data;
    if (bias && !offsets) throw refused("has a bias that is no constant");
  }
  // Nearly every layer is proved without a look at its weights, which are many.
  let least = 0;
  let most = 0;
  const offset = offsets ?? [];
  for (let o = 0; o < offset.length; o++) {
    const b = offset[o]!;
    if (b > most) most = b;
    else if (b < least) least = b;
  }
  const { zeroPoint } = weight.type.quantization!;
  const outs = weight.type.shape[0]!;
  const length = size(weight.type.shape) / outs;
  const widest = Math.max(127 - zeroPoint, zeroPoint + 128);
  if (length * widest * REACH + Math.max(most, -least) <= MOST) return;
  const { data } = weight;
  for (let o = 0; o < outs; o++) {
    let sum = data ? 0 : length * widest;
    if (data) for (let i = o * length; i < (o + 1) * length; i++) sum += Math.abs(data[i]! - zeroPoint);
    if (sum * REACH + Math.abs(offset[o] ?? 0) > MOST)
      throw refused(`has weights and a bias whose sums may leave 32 bits, in channel ${o}`);
  }
}
