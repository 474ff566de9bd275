// Common parts of batch and layer normalization. Lanes are four channels, so that sums over rows need no horizontal
// step.

import { high, joined, low, storeLanes } from "./simd";

/** 1 / sqrt(variance + epsilon). */
@inline export function inverseDeviation(variance: v128, epsilon: f32): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(variance, f32x4.splat(epsilon))));
}

/**
 * dgamma = sum dy z and dbeta = sum dy over `repeat` rows of k floats of n images, in f64, where z = (x - mean) *
 * inverse. `byRow`, a literal: each row has a mean and an inverse deviation, `means` and `spreads` bytes from image to
 * image. Otherwise each channel has a mean and a variance: `spread` is one or the other.
 */
@inline export function parameterGradient(
  byRow: bool, n: i32, dy: usize, dys: i32, x: usize, xs: i32, repeat: i32, k: i32, mean: usize, means: i32,
  spread: usize, spreads: i32, epsilon: f32, dgamma: usize, dbeta: usize,
): void {
  const step = <usize>k << 2;
  for (let j = 0; j < k; j += 4) {
    const channel = <usize>j << 2;
    let center = f32x4.splat(0), inverse = center;
    if (!byRow) {
      center = v128.load(mean + channel);
      inverse = inverseDeviation(v128.load(spread + channel), epsilon);
    }
    let gammaA = f64x2.splat(0), gammaB = gammaA, betaA = gammaA, betaB = gammaA;
    for (let i = 0; i < n; i++) {
      let d = dy + <usize>i * <usize>dys + channel;
      let v = x + <usize>i * <usize>xs + channel;
      let m = mean + <usize>i * <usize>means;
      let s = spread + <usize>i * <usize>spreads;
      for (let r = 0; r < repeat; r++) {
        if (byRow) {
          center = v128.load32_splat(m);
          inverse = v128.load32_splat(s);
          m += 4;
          s += 4;
        }
        const g = v128.load(d);
        const product = f32x4.mul(g, f32x4.mul(f32x4.sub(v128.load(v), center), inverse));
        betaA = f64x2.add(betaA, low(g));
        betaB = f64x2.add(betaB, high(g));
        gammaA = f64x2.add(gammaA, low(product));
        gammaB = f64x2.add(gammaB, high(product));
        d += step;
        v += step;
      }
    }
    storeLanes(dgamma + channel, joined(gammaA, gammaB), k - j);
    storeLanes(dbeta + channel, joined(betaA, betaB), k - j);
  }
}
