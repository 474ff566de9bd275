/**
 * Twins of the sparse backward, on one image in logical order; argmax [oh][ow][cout], in bytes, -1 where there is no
 * gradient. They add in the kernels' order, each operation rounded to f32.
 */
import { type Sizes, windowsOf } from "./f32-conv2d-relu-max-pool2d.ts";

const f = Math.fround;

/** Adds one image's gradients to dw [cout][kh][kw][cin] and db [cout], window by window. */
export function f32_conv2d_relu_max_pool2d_weight_gradient(
  s: Sizes,
  x: Float32Array,
  dy: Float32Array,
  argmax: Int32Array,
  dw: Float32Array,
  db: Float32Array,
): void {
  const run = s.kw * s.cin;
  dy.forEach((g, i) => {
    if (argmax[i]! < 0) return;
    const o = i % s.cout;
    db[o] = f(db[o]! + g);
    for (let ky = 0; ky < s.kh; ky++)
      for (let k = 0; k < run; k++) {
        const at = (o * s.kh + ky) * run + k;
        dw[at] = f(dw[at]! + f(g * x[argmax[i]! / 4 + ky * s.w * s.cin + k]!));
      }
  });
}

/**
 * The gradient of x [h][w][cin]. Each row that a window touches gets the winners of its upper row first, last channel
 * first, then those of its lower row.
 */
export function f32_conv2d_relu_max_pool2d_input_gradient(
  s: Sizes,
  dy: Float32Array,
  argmax: Int32Array,
  weight: Float32Array,
): Float32Array {
  const run = s.kw * s.cin;
  const row = s.w * s.cin;
  const dx = new Float32Array(s.h * row);
  const [oh, ow] = windowsOf(s);
  for (let window = 0; window < oh * ow; window++) {
    const lower = (2 * Math.floor(window / ow) + 1) * row;
    const channels = Array.from({ length: s.cout }, (_, o) => window * s.cout + o).filter(i => argmax[i]! >= 0);
    const order = [
      ...channels.filter(i => argmax[i]! / 4 < lower).reverse(),
      ...channels.filter(i => argmax[i]! / 4 >= lower),
    ];
    for (const i of order)
      for (let ky = 0; ky < s.kh; ky++)
        for (let k = 0; k < run; k++) {
          const at = argmax[i]! / 4 + ky * row + k;
          dx[at] = f(dx[at]! + f(dy[i]! * weight[((i % s.cout) * s.kh + ky) * run + k]!));
        }
  }
  return dx;
}
