/** Twins of the f32 depthwise convolutions, on arrays in logical order: weights [out][kh][kw]. Each operation is rounded to f32. */
import type { DepthwiseGeometry } from "../table/f32-depthwise.ts";
import { MODE } from "../table/f32-gemm.ts";
import { finish } from "./f32-gemm.ts";

const f = Math.fround;

/** Every product for `n` images: indices into x, weight and y, in the order (image, oy, ox, ky, kx, output). */
function products(n: number, g: DepthwiseGeometry, visit: (x: number, weight: number, y: number) => void): void {
  const cout = g.cin * g.multiplier;
  for (let i = 0; i < n; i++)
    for (let oy = 0; oy < g.oh; oy++)
      for (let ox = 0; ox < g.ow; ox++)
        for (let ky = 0; ky < g.kh; ky++)
          for (let kx = 0; kx < g.kw; kx++) {
            const iy = oy * g.stride_h + ky * g.dilation_h - g.pad_t;
            const ix = ox * g.stride_w + kx * g.dilation_w - g.pad_l;
            if (iy < 0 || iy >= g.h || ix < 0 || ix >= g.w) continue;
            for (let o = 0; o < cout; o++)
              visit(
                ((i * g.h + iy) * g.w + ix) * g.cin + Math.floor(o / g.multiplier),
                (o * g.kh + ky) * g.kw + kx,
                ((i * g.oh + oy) * g.ow + ox) * cout + o,
              );
          }
}

export function f32_depthwise(
  n: number,
  g: DepthwiseGeometry,
  mode: number,
  x: Float32Array,
  weight: Float32Array,
  aux: Float32Array,
): Float32Array {
  const cout = g.cin * g.multiplier;
  const y = new Float32Array(n * g.oh * g.ow * cout);
  products(n, g, (p, q, r) => {
    y[r] = f(y[r]! + f(x[p]! * weight[q]!));
  });
  return y.map((sum, r) => finish(sum, mode, aux[mode === MODE.mask ? r : r % cout]!));
}

export function f32_depthwise_input_gradient(
  n: number,
  g: DepthwiseGeometry,
  dy: Float32Array,
  weight: Float32Array,
): Float32Array {
  const dx = new Float32Array(n * g.h * g.w * g.cin);
  products(n, g, (p, q, r) => {
    dx[p] = f(dx[p]! + f(dy[r]! * weight[q]!));
  });
  return dx;
}

/** Adds to dw and db, in place. */
export function f32_depthwise_weight_gradient(
  n: number,
  g: DepthwiseGeometry,
  x: Float32Array,
  dy: Float32Array,
  dw: Float32Array,
  db: Float32Array,
): void {
  const cout = g.cin * g.multiplier;
  dy.forEach((d, r) => {
    db[r % cout] = f(db[r % cout]! + d);
  });
  products(n, g, (p, q, r) => {
    dw[q] = f(dw[q]! + f(dy[r]! * x[p]!));
  });
}
