// The fused convolution by Winograd's F(4, 5) in one dimension: four outputs of a 5-tap filter from 8 multiplications
// instead of 20. (S. Winograd, Arithmetic Complexity of Computations, 1980; as in A. Lavin, S. Gray, arXiv 1509.09308.)
// Points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity. With d the 8 inputs, g the 5 taps:
//
//   outputs = A ((G g) * (B d))
//
//   G: 8 x 5, on weights, once per step    B: 8 x 8, on inputs    A: 4 x 8, on sums over channels
//
// One dimension only: in two the transforms cost more than they save on images this small, and lose accuracy. Outputs
// come in fours, windows in twos: an odd last pair overlaps the pair before it, so that there is no tail. At least 2 x
// 2 windows.
import { pooled, winner } from "./pool-window";
import { madd, storeLanes } from "./simd";

@inline function times(a: v128, factor: f32): v128 {
  return f32x4.mul(a, f32x4.splat(factor));
}

/**
 * G g, for weights in panels: [panel][before][5 taps][after][8] -> [panel][8 points][before][after][8].
 * Along a row of the kernel: before = kh, after = cin.
 */
export function f32_panels_to_winograd(panels: i32, before: i32, after: i32, x: usize, y: usize): void {
  const tap = <usize>after << 5, point = <usize>before * tap;
  for (; panels > 0; panels--) {
    for (let b = before; b > 0; b--) {
      for (let half = after << 1; half > 0; half--) {
        const g0 = v128.load(x), g1 = v128.load(x + tap), g2 = v128.load(x + 2 * tap);
        const g3 = v128.load(x + 3 * tap), g4 = v128.load(x + 4 * tap);
        const even1 = f32x4.add(g0, f32x4.add(g2, g4)), odd1 = f32x4.add(g1, g3);
        const even2 = f32x4.add(g0, f32x4.add(times(g2, 4), times(g4, 16)));
        const odd2 = f32x4.add(times(g1, 2), times(g3, 8));
        const even3 = f32x4.add(g0, f32x4.add(times(g2, 0.25), times(g4, 0.0625)));
        const odd3 = f32x4.add(times(g1, 0.5), times(g3, 0.125));
        v128.store(y, g0);
        v128.store(y + point, times(f32x4.add(even1, odd1), -2.0 / 9.0));
        v128.store(y + 2 * point, times(f32x4.sub(even1, odd1), 2.0 / 9.0));
        v128.store(y + 3 * point, times(f32x4.add(even2, odd2), 1.0 / 90.0));
        v128.store(y + 4 * point, times(f32x4.sub(even2, odd2), 1.0 / 90.0));
        v128.store(y + 5 * point, times(f32x4.add(even3, odd3), 32.0 / 45.0));
        v128.store(y + 6 * point, times(f32x4.sub(even3, odd3), 32.0 / 45.0));
        v128.store(y + 7 * point, g4);
        x += 16;
        y += 16;
      }
      x += 4 * tap;
    }
    y += 7 * point;
  }
}

/** B d, four at a time: d at s, s + step, ... to u, u + point, ... */
@inline function transformInput(s: usize, step: usize, u: usize, point: usize): void {
  const d0 = v128.load(s), d1 = v128.load(s + step), d2 = v128.load(s + 2 * step), d3 = v128.load(s + 3 * step);
  s += 4 * step;
  const d4 = v128.load(s), d5 = v128.load(s + step), d6 = v128.load(s + 2 * step), d7 = v128.load(s + 3 * step);
  const even1 = f32x4.sub(f32x4.add(d2, d6), times(d4, 4.25)), odd1 = f32x4.sub(f32x4.add(d1, d5), times(d3, 4.25));
  const even2 = f32x4.add(f32x4.sub(times(d2, 0.25), times(d4, 1.25)), d6);
  const odd2 = f32x4.add(f32x4.sub(times(d1, 0.5), times(d3, 2.5)), f32x4.add(d5, d5));
  const even3 = f32x4.add(f32x4.sub(times(d2, 4), times(d4, 5)), d6);
  const odd3 = f32x4.add(f32x4.sub(f32x4.add(d1, d1), times(d3, 2.5)), times(d5, 0.5));
  v128.store(u, f32x4.add(f32x4.sub(d0, d6), times(f32x4.sub(d4, d2), 5.25)));
  v128.store(u + point, f32x4.add(even1, odd1));
  v128.store(u + 2 * point, f32x4.sub(odd1, even1));
  v128.store(u + 3 * point, f32x4.add(even2, odd2));
  u += 4 * point;
  v128.store(u, f32x4.sub(even2, odd2));
  v128.store(u + point, f32x4.add(even3, odd3));
  v128.store(u + 2 * point, f32x4.sub(even3, odd3));
  v128.store(u + 3 * point, f32x4.add(f32x4.sub(d7, d1), times(f32x4.sub(d3, d5), 5.25)));
}

// A m, output by output, from the sums s and differences d of the pairs of points +-1, +-2, +-1/2
@inline function output0(m0: v128, s1: v128, s2: v128, s3: v128): v128 {
  return f32x4.add(f32x4.add(m0, s1), f32x4.add(s2, s3));
}
@inline function output1(d1: v128, d2: v128, d3: v128): v128 {
  return f32x4.add(d1, f32x4.add(f32x4.add(d2, d2), times(d3, 0.5)));
}
@inline function output2(s1: v128, s2: v128, s3: v128): v128 {
  return f32x4.add(s1, f32x4.add(times(s2, 4), times(s3, 0.25)));
}
@inline function output3(m7: v128, d1: v128, d2: v128, d3: v128): v128 {
  return f32x4.add(f32x4.add(d1, m7), f32x4.add(times(d2, 8), times(d3, 0.125)));
}

/**
 * At least 4 input channels, kernels 5 wide and of any height; transformed along x. A tile is 4 columns of outputs; its
 * transformed input has, for each point, kernel rows lying end to end, so that each product is a GEMM of 4 output rows
 * x 8 channels over kh * cin. weight: `f32_panels_to_winograd` of kh and cin. argmax: NHWC. scratch: 8 * h * cin floats
 * of transformed input, then 256 floats of sums.
 */
export function f32_conv2d_relu_max_pool2d_winograd(
  n: i32, x: usize, xs: i32, weight: usize, bias: usize, y: usize, ys: i32, argmax: usize,
  h: i32, w: i32, cin: i32, cout: i32, kh: i32, scratch: usize,
): void {
  const oh = (h - kh + 1) >> 1, ow = (w - 4) >> 1;
  const pixel = <usize>cin << 2, row = <usize>w * pixel;
  const point = <usize>h * pixel;
  const sums = scratch + 8 * point;
  const k = kh * cin, panel = <usize>k << 5;
  const below = <usize>(ow * cout) << 2, beside = <usize>cout << 2;
  const rows = i32x4.splat(<i32>row), pixels = i32x4.splat(<i32>pixel), offset1 = i32x4.splat(2 * <i32>pixel);
  for (; n > 0; n--) {
    for (let column = 0; column < ow; column += 2) {
      const px = min(column, ow - 2);
      let from = x + <usize>(2 * px) * pixel;
      let u = scratch;
      for (let r = h; r > 0; r--) {
        for (let c = 0; c < cin; c += 4) {
          const at = <usize>min(c, cin - 4) << 2;
          transformInput(from + at, pixel, u + at, point);
        }
        from += row;
        u += pixel;
      }
      let points = weight;
      for (let channel = 0; channel < cout; channel += 8) {
        for (let line = 0; line < oh; line += 2) {
          const py = min(line, oh - 2);
          multiplyRows(scratch + <usize>(2 * py) * pixel, point, pixel, points, k, sums);
          const to = (<usize>((py * ow + px) * cout + channel)) << 2;
          const origin = i32x4.splat(2 * py * <i32>row + 2 * px * <i32>pixel);
          for (let half = 0; half < 2; half++) {
            const left = cout - channel - 4 * half;
            if (left <= 0) break;
            const b = v128.load(bias + (<usize>(channel + 4 * half) << 2));
            let m = sums + (<usize>half << 6);
            for (let pair: usize = 0; pair < 2; pair++) {
              let a1 = v128.load(m, 128), b1 = v128.load(m, 256), a2 = v128.load(m, 384), b2 = v128.load(m, 512);
              let a3 = v128.load(m, 640), b3 = v128.load(m, 768);
              let s1 = f32x4.add(a1, b1), s2 = f32x4.add(a2, b2), s3 = f32x4.add(a3, b3);
              let d1 = f32x4.sub(a1, b1), d2 = f32x4.sub(a2, b2), d3 = f32x4.sub(a3, b3);
              const y00 = output0(v128.load(m), s1, s2, s3), y01 = output1(d1, d2, d3);
              const y02 = output2(s1, s2, s3), y03 = output3(v128.load(m, 896), d1, d2, d3);
              a1 = v128.load(m, 144); b1 = v128.load(m, 272); a2 = v128.load(m, 400); b2 = v128.load(m, 528);
              a3 = v128.load(m, 656); b3 = v128.load(m, 784);
              s1 = f32x4.add(a1, b1); s2 = f32x4.add(a2, b2); s3 = f32x4.add(a3, b3);
              d1 = f32x4.sub(a1, b1); d2 = f32x4.sub(a2, b2); d3 = f32x4.sub(a3, b3);
              const y10 = output0(v128.load(m, 16), s1, s2, s3), y11 = output1(d1, d2, d3);
              const y12 = output2(s1, s2, s3), y13 = output3(v128.load(m, 912), d1, d2, d3);
              const at = to + (<usize>half << 4) + pair * below;
              const place = i32x4.add(origin, pair ? i32x4.add(rows, rows) : i32x4.splat(0));
              const first = pooled(y00, y01, y10, y11, b), second = pooled(y02, y03, y12, y13, b);
              storeLanes(y + at, first, left);
              storeLanes(y + at + beside, second, left);
              if (WINNERS) {
                storeLanes(argmax + at, winner(y00, y01, y10, y11, first, rows, pixels, place), left);
                storeLanes(
                  argmax + at + beside, winner(y02, y03, y12, y13, second, rows, pixels, i32x4.add(place, offset1)),
                  left,
                );
              }
              m += 32;
            }
          }
        }
        points += 8 * panel;
      }
    }
    x += <usize>xs;
    y += <usize>ys;
    argmax += <usize>ys;
  }
}

/**
 * For each of the 8 points, 4 output rows x 8 channels: rows of u are `pixel` bytes apart, k floats long (they
 * overlap). m: [point][half of the 8 channels][row][4].
 */
@inline function multiplyRows(u: usize, point: usize, pixel: usize, weight: usize, k: i32, m: usize): void {
  const pixel2 = pixel + pixel, pixel3 = pixel2 + pixel;
  for (let t = 8; t > 0; t--) {
    let a0 = u;
    let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
    let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0);
    const end = weight + (<usize>k << 5);
    do {
      const w0 = v128.load(weight), w1 = v128.load(weight, 16);
      let a = v128.load32_splat(a0);
      c00 = madd(a, w0, c00);
      c01 = madd(a, w1, c01);
      a = v128.load32_splat(a0 + pixel);
      c10 = madd(a, w0, c10);
      c11 = madd(a, w1, c11);
      a = v128.load32_splat(a0 + pixel2);
      c20 = madd(a, w0, c20);
      c21 = madd(a, w1, c21);
      a = v128.load32_splat(a0 + pixel3);
      c30 = madd(a, w0, c30);
      c31 = madd(a, w1, c31);
      a0 += 4;
    } while ((weight += 32) < end);
    v128.store(m, c00);
    v128.store(m, c10, 16);
    v128.store(m, c20, 32);
    v128.store(m, c30, 48);
    v128.store(m, c01, 64);
    v128.store(m, c11, 80);
    v128.store(m, c21, 96);
    v128.store(m, c31, 112);
    m += 128;
    u += point;
  }
}
