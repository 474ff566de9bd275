/**
 * Twins of the f32 convolutions, on arrays in logical order. Sums run as their rows say; each operation is rounded to
 * f32.
 */
import type { Conv2dGeometry } from "../table/f32-conv2d.ts";
import { MODE } from "../table/f32-gemm.ts";
import { finish } from "./f32-gemm.ts";

const f = Math.fround;

/**
 * Visits every product of a convolution of `n` images: indices into x, weight and y, in the order (image, oy, ox,
 * output, ky, kx, channel).
 */
function products(n: number, g: Conv2dGeometry, visit: (x: number, weight: number, y: number) => void): void {
  const inner = g.cin / g.groups;
  const outer = g.cout / g.groups;
  for (let i = 0; i < n; i++)
    for (let oy = 0; oy < g.oh; oy++)
      for (let ox = 0; ox < g.ow; ox++)
        for (let o = 0; o < g.cout; o++)
          for (let ky = 0; ky < g.kh; ky++)
            for (let kx = 0; kx < g.kw; kx++) {
              const iy = oy * g.stride_h + ky * g.dilation_h - g.pad_t;
              const ix = ox * g.stride_w + kx * g.dilation_w - g.pad_l;
              if (iy < 0 || iy >= g.h || ix < 0 || ix >= g.w) continue;
              const from = Math.floor(o / outer) * inner;
              for (let c = 0; c < inner; c++)
                visit(
                  ((i * g.h + iy) * g.w + ix) * g.cin + from + c,
                  ((o * g.kh + ky) * g.kw + kx) * inner + c,
                  ((i * g.oh + oy) * g.ow + ox) * g.cout + o,
                );
            }
}

export function f32_conv2d(
  n: number,
  g: Conv2dGeometry,
  mode: number,
  x: Float32Array,
  weight: Float32Array,
  aux: Float32Array,
): Float32Array {
  const y = new Float32Array(n * g.oh * g.ow * g.cout);
  products(n, g, (p, q, r) => {
    y[r] = f(y[r]! + f(x[p]! * weight[q]!));
  });
  return y.map((sum, r) => finish(sum, mode, aux[mode === MODE.mask ? r : r % g.cout]!));
}

export function f32_conv2d_input_gradient(
  n: number,
  g: Conv2dGeometry,
  dy: Float32Array,
  weight: Float32Array,
): Float32Array {
  // output pixels run forwards, so an element of dx gets its taps backwards: ky downwards, kx downwards, then the
  // outputs
  const dx = new Float32Array(n * g.h * g.w * g.cin);
  products(n, g, (p, q, r) => {
    dx[p] = f(dx[p]! + f(dy[r]! * weight[q]!));
  });
  return dx;
}

/** Adds to dw and db, in place. */
export function f32_conv2d_weight_gradient(
  n: number,
  g: Conv2dGeometry,
  x: Float32Array,
  dy: Float32Array,
  dw: Float32Array,
  db: Float32Array,
): void {
  dy.forEach((d, r) => {
    db[r % g.cout] = f(db[r % g.cout]! + d);
  });
  products(n, g, (p, q, r) => {
    dw[q] = f(dw[q]! + f(dy[r]! * x[p]!));
  });
}
