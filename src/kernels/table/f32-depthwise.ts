import { conv2dScratch, forward, inputGradient, weightGradient } from "./f32-conv2d.ts";
import type { Rows } from "./row.ts";
import { window } from "./window.ts";

/**
 * As in table/f32-conv2d.ts, with cin * multiplier outputs: output channel o reads input channel floor(o / multiplier).
 */
const image = { h: "int", w: "int", cin: "int", multiplier: "int", oh: "int", ow: "int" } as const;

export type DepthwiseGeometry = { readonly [P in keyof typeof image | keyof typeof window]: number };

/**
 * Bytes of `scratch` for f32_depthwise and its weight gradient: one padded image with every channel repeated
 * `multiplier` times.
 */
export const depthwiseScratch = (g: DepthwiseGeometry): number => conv2dScratch(g, g.multiplier);

/** f32 depthwise convolutions, weights in `taps`: assembly/f32-depthwise.ts. */
// a function, so that a bundler drops the rows where only the sizes of scratch are needed: `...` would count as an
// effect
export const f32Depthwise = /* @__PURE__ */ (() => {
  const geometry = { ...image, ...window } as const;
  return {
    /** y = depthwise convolution of x, then `mode` (table/f32-gemm.ts) with `aux`. Sums run over (ky, kx). */
    f32_depthwise: { args: { ...forward, ...geometry, scratch: "write" }, binary: "both", overRead: 32 },
    /** dx = gradient of x. Sums run over (oy, ox, output channel). */
    f32_depthwise_input_gradient: { args: { ...inputGradient, ...geometry }, binary: "train" },
    /**
     * dw (`taps`) and db = gradients of weight and bias, as in f32_conv2d_weight_gradient. Sums run over (image, oy,
     * ox).
     */
    f32_depthwise_weight_gradient: {
      args: { ...weightGradient, ...geometry, scratch: "write" },
      binary: "train",
      overRead: 32,
    },
  } as const satisfies Rows;
})();
