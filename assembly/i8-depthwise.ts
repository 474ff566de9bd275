// int8 depthwise convolution on stored images, any kernel, stride, pads and dilation, driven by the tables of
// i8_conv2d. Two taps at a time: the activations of both are interleaved and multiplied by pairs of 16-bit weights with
// i32x4.dot_i16x8_s, in both variants.
import { HEAD } from "./i8-tile";
import { dotWords, highWords, lowWords } from "./simd";
import { biasOf, highest, load8, lowest, narrowed, requantized, shiftOf, storeFirst, STORED } from "./stored";

/**
 * int8 weights [cin][taps] -> panels of 8 channels: 8 biases, 8 scales, then 8 x 2 weights of 16 bits for each pair of
 * taps.
 */
export function i8_depthwise_pack(
  cin: i32, taps: i32, weight: usize, bias: usize, scale: usize, zero: i32, y: usize,
): void {
  const pairs = (taps + 1) >> 1, panel = HEAD + <usize>pairs * 32;
  for (let c = 0; c < cin; c++) {
    const at = <usize>c << 2, lane = <usize>(c & 7) << 2;
    if (lane == 0) {
      if (c) y += panel;
      memory.fill(y, 0, panel);
    }
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const v = <i32>load<i8>(weight + <usize>(c * taps + t));
      store<i16>(y + HEAD + <usize>(t >> 1) * 32 + lane + <usize>(t & 1) * 2, <i16>v);
      sum += v;
    }
    store<i32>(y + lane, biasOf(bias, c) - (zero + 128) * sum);
    store<f32>(y + lane, load<f32>(scale + at), 32);
  }
}

// Channels c0 .. c7 of two taps u and v, as i16, are interleaved so that a dot product takes both taps of a channel:
//
//   low:  u0 v0 | u1 v1 | u2 v2 | u3 v3        high: u4 v4 | u5 v5 | u6 v6 | u7 v7
export function i8_depthwise_conv2d(
  n: i32, x: usize, xs: i32, weight: usize, pairs: i32, taps: usize, tiles: i32, pixels: usize, results: usize,
  y: usize, ys: i32, cin: i32,
  zero: i32, qmin: i32, qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  const panel = HEAD + <usize>pairs * 32;
  for (; n > 0; n--) {
    let head = weight, from = x, to = y;
    for (let rest = cin; rest > 0; rest -= 8) {
      let p = pixels, o = results;
      for (let t = tiles; t > 0; t--) {
        const a0 = from + load<usize>(p), a1 = from + load<usize>(p, 4), a2 = from + load<usize>(p, 8);
        const a3 = from + load<usize>(p, 12);
        let c00 = v128.load(head), c01 = v128.load(head, 16);
        let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
        let b = head + HEAD, tap = taps;
        for (let k = pairs; k > 0; k--) {
          const w0 = v128.load(b), w1 = v128.load(b, 16);
          const one = load<usize>(tap), other = load<usize>(tap, 4);
          let u = load8(a0 + one), v = load8(a0 + other);
          c00 = dotWords(w0, lowWords(u, v), c00);
          c01 = dotWords(w1, highWords(u, v), c01);
          u = load8(a1 + one);
          v = load8(a1 + other);
          c10 = dotWords(w0, lowWords(u, v), c10);
          c11 = dotWords(w1, highWords(u, v), c11);
          u = load8(a2 + one);
          v = load8(a2 + other);
          c20 = dotWords(w0, lowWords(u, v), c20);
          c21 = dotWords(w1, highWords(u, v), c21);
          u = load8(a3 + one);
          v = load8(a3 + other);
          c30 = dotWords(w0, lowWords(u, v), c30);
          c31 = dotWords(w1, highWords(u, v), c31);
          b += 32;
          tap += 8;
        }
        const s0 = v128.load(head, 32), s1 = v128.load(head, 48);
        const q0 = narrowed(requantized(c00, s0, low, shift), requantized(c01, s1, low, shift), high);
        const q1 = narrowed(requantized(c10, s0, low, shift), requantized(c11, s1, low, shift), high);
        const q2 = narrowed(requantized(c20, s0, low, shift), requantized(c21, s1, low, shift), high);
        const q3 = narrowed(requantized(c30, s0, low, shift), requantized(c31, s1, low, shift), high);
        storeFirst(to + load<usize>(o), q0, rest);
        storeFirst(to + load<usize>(o, 4), q1, rest);
        storeFirst(to + load<usize>(o, 8), q2, rest);
        storeFirst(to + load<usize>(o, 12), q3, rest);
        p += 16;
        o += 16;
      }
      head += panel;
      from += 8 * STORED;
      to += 8 * STORED;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
