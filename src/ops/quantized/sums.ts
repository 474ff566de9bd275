/**
 * The proof that no int32 sum of a layer with int8 weights can overflow: for every output channel
 *
 *     sum |w - zero point| * 255 + |bias| < 2^31
 *
 * Kernels add up modulo 2^32 in any order, so that it is enough where only the last sum matters. Those that compare sums before the bias is added,
 * or parts of sums (`i8_conv2d_1c_max_pool2d`, `i8_conv2d_fir_max_pool2d`), compare numbers within sum |w| * 255. `i8_conv2d_winograd` has a range
 * of its own besides, which depends on its channels alone.
 */
import { PenjingError } from "../../base/errors.ts";
import { size, type TypedArray } from "../../base/shape.ts";
import type { Node, Value } from "../../graph/graph.ts";

/** The largest distance of an activation from its zero point, and of a stored activation from 0. */
const REACH = 255;
const MOST = 2 ** 31 - 1;

/** A PenjingError `refused` that names the layer, unless its sums fit and its scales have a finite ratio. */
export function proveSums({ name, inputs, outputs }: Node): void {
  const [x, weight, bias] = inputs as [Value, Value, Value | undefined];
  const refused = (why: string) => new PenjingError("refused", `layer "${name}" ${why}`, { path: name });
  const { shape, quantization } = weight.type;
  const outs = shape[0]!;
  const { scale, zeroPoint } = quantization!;
  const step = x.type.dtype === "i8" && outputs[0]!.type.quantization?.scale[0];
  if (step) {
    let coarsest = 0;
    for (let i = 0; i < scale.length; i++) if (scale[i]! > coarsest) coarsest = scale[i]!;
    const ratio = Math.fround(Math.fround(coarsest * x.type.quantization!.scale[0]!) / step);
    if (!(ratio < Infinity)) throw refused("has scales that lie too far apart");
  }
  let offsets: TypedArray | undefined;
  if (bias && step) {
    offsets = bias.data;
    if (!offsets) throw refused("has a bias that is no constant");
  }
  // Nearly every layer is proved without a look at its weights, which are many.
  let largest = 0;
  if (offsets) for (let o = 0; o < outs; o++) largest = Math.max(largest, Math.abs(offsets[o]!));
  const length = size(shape) / outs;
  const widest = Math.max(127 - zeroPoint, zeroPoint + 128);
  if (length * widest * REACH + largest <= MOST) return;
  const { data } = weight;
  for (let o = 0; o < outs; o++) {
    let sum = data ? 0 : length * widest;
    if (data) for (let i = o * length; i < (o + 1) * length; i++) sum += Math.abs(data[i]! - zeroPoint);
    if (sum * REACH + Math.abs(offsets?.[o] ?? 0) > MOST)
      throw refused(`has weights and a bias whose sums may leave 32 bits, in channel ${o}`);
  }
}
