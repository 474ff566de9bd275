/** Twins of the f32 pools, on arrays in logical order. Each operation is rounded to f32. */
import type { AveragePoolGeometry, PoolGeometry } from "../table/f32-pool.ts";

const f = Math.fround;

/**
 * The taps inside the image of every window of `n` images, as indices into x and y, in the order (image, oy, ox, ky,
 * kx, channel).
 */
function taps(n: number, g: PoolGeometry, visit: (x: number, y: number) => void): void {
  for (let i = 0; i < n; i++)
    for (let oy = 0; oy < g.oh; oy++)
      for (let ox = 0; ox < g.ow; ox++)
        for (let ky = 0; ky < g.kh; ky++)
          for (let kx = 0; kx < g.kw; kx++) {
            const iy = oy * g.stride_h + ky * g.dilation_h - g.pad_t;
            const ix = ox * g.stride_w + kx * g.dilation_w - g.pad_l;
            if (iy < 0 || iy >= g.h || ix < 0 || ix >= g.w) continue;
            for (let c = 0; c < g.c; c++)
              visit(((i * g.h + iy) * g.w + ix) * g.c + c, ((i * g.oh + oy) * g.ow + ox) * g.c + c);
          }
}

/** `index` counts the elements of each image from 0. */
export function f32_max_pool2d(n: number, g: PoolGeometry, x: Float32Array): { y: Float32Array; index: Int32Array } {
  const y = new Float32Array(n * g.oh * g.ow * g.c);
  const index = new Int32Array(y.length).fill(-1);
  taps(n, g, (p, r) => {
    const v = x[p]!;
    const best = y[r]!;
    if (index[r] !== -1 && !(v > best) && !(Number.isNaN(v) && !Number.isNaN(best))) return;
    y[r] = v;
    index[r] = p % (g.h * g.w * g.c);
  });
  return { y, index };
}

export function f32_max_pool2d_gradient(n: number, g: PoolGeometry, dy: Float32Array, index: Int32Array): Float32Array {
  const inputs = g.h * g.w * g.c;
  const outputs = g.oh * g.ow * g.c;
  const dx = new Float32Array(n * inputs);
  dy.forEach((d, r) => {
    const p = Math.floor(r / outputs) * inputs + index[r]!;
    dx[p] = f(dx[p]! + d);
  });
  return dx;
}

/** For each output element of one image: the number of taps of its mean. */
function populations(g: AveragePoolGeometry): Float32Array {
  const count = (o: number, kernel: number, stride: number, dilation: number, size: number, pad: number, end: number) =>
    Array.from({ length: kernel }, (_, k) => o * stride + k * dilation - pad).filter(
      at => (g.include_pad !== 0 || at >= 0) && at < (g.include_pad !== 0 ? size + end : size),
    ).length;
  return Float32Array.from({ length: g.oh * g.ow * g.c }, (_, r) => {
    const ox = Math.floor(r / g.c) % g.ow;
    const oy = Math.floor(r / g.c / g.ow);
    return (
      count(oy, g.kh, g.stride_h, g.dilation_h, g.h, g.pad_t, g.pad_b) *
      count(ox, g.kw, g.stride_w, g.dilation_w, g.w, g.pad_l, g.pad_r)
    );
  });
}

export function f32_average_pool2d(n: number, g: AveragePoolGeometry, x: Float32Array): Float32Array {
  const y = new Float32Array(n * g.oh * g.ow * g.c);
  const count = populations(g);
  taps(n, g, (p, r) => {
    y[r] = f(y[r]! + x[p]!);
  });
  return y.map((sum, r) => sum / count[r % count.length]!);
}

export function f32_average_pool2d_gradient(n: number, g: AveragePoolGeometry, dy: Float32Array): Float32Array {
  const dx = new Float32Array(n * g.h * g.w * g.c);
  const count = populations(g);
  taps(n, g, (p, r) => {
    dx[p] = f(dx[p]! + f(dy[r]! / count[r % count.length]!));
  });
  return dx;
}
