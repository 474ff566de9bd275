/** Slow twins of assembly/i8-pool2d.ts: on int8 images [h][w][c] without a halo. */

export interface Pool {
  h: number;
  w: number;
  c: number;
  kh: number;
  kw: number;
  stride_h: number;
  stride_w: number;
  pad_t: number;
  pad_l: number;
  oh: number;
  ow: number;
}

/** The values in a window of a channel, row by row. */
function inside(p: Pool, x: Int8Array, row: number, column: number, channel: number): number[] {
  const values: number[] = [];
  for (let i = 0; i < p.kh; i++)
    for (let j = 0; j < p.kw; j++) {
      const y = row * p.stride_h - p.pad_t + i;
      const at = column * p.stride_w - p.pad_l + j;
      if (y >= 0 && y < p.h && at >= 0 && at < p.w) values.push(x[(y * p.w + at) * p.c + channel]!);
    }
  return values;
}

function pooled(p: Pool, x: Int8Array, of: (values: number[], row: number, column: number) => number): Int8Array {
  const y = new Int8Array(p.oh * p.ow * p.c);
  for (let row = 0; row < p.oh; row++)
    for (let column = 0; column < p.ow; column++)
      for (let channel = 0; channel < p.c; channel++)
        y[(row * p.ow + column) * p.c + channel] = of(inside(p, x, row, column, channel), row, column);
  return y;
}

export const i8_max_pool2d = (p: Pool, x: Int8Array): Int8Array => pooled(p, x, values => Math.max(-128, ...values));

/**
 * The integer mean, halves away from zero; `include`: pads, which reach `pad_b` and `pad_r` past the image, count as
 * `zero`.
 */
export function i8_average_pool2d(
  p: Pool & { pad_b: number; pad_r: number },
  x: Int8Array,
  include: boolean,
  zero: number,
  middle: number,
): Int8Array {
  return pooled(p, x, (values, row, column) => {
    const tall = Math.min(p.kh, p.h + p.pad_b - (row * p.stride_h - p.pad_t));
    const wide = Math.min(p.kw, p.w + p.pad_r - (column * p.stride_w - p.pad_l));
    const count = include ? tall * wide : values.length;
    const pads = include ? (count - values.length) * zero : 0;
    const sum = values.reduce((a, b) => a + b, 0) + pads - count * middle;
    const half = Math.floor(count / 2);
    return Math.trunc((sum > 0 ? sum + half : sum - half) / count) + middle;
  });
}
