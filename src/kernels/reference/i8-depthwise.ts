/** Slow twin of assembly/i8-depthwise.ts: a convolution with as many groups as channels. */
import { type Convolution, i8_conv2d } from "./i8-conv2d.ts";
import type { Requantization } from "./i8-gemm.ts";

export function i8_depthwise_conv2d(c: Omit<Convolution, "groups" | "cout">, r: Requantization): Int8Array {
  return i8_conv2d({ ...c, groups: c.cin, cout: c.cin }, r);
}
