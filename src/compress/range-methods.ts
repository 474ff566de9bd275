/** Ranges for 8 bits from the histogram of an activation. */
import { log } from "../base/math.ts";
import { quantizationOf, type Range } from "../passes/quantize/scheme.ts";
import type { Histogram } from "./percentiles.ts";

const PERCENTILE = 99.99;

/** The range of 99.99 % of the numbers. An end at 0, or on the other side of it, stays. */
export function percentileRange(histogram: Histogram): Range {
  const { min, max } = histogram.range;
  return {
    min: min < 0 ? Math.min(0, histogram.percentile(100 - PERCENTILE)) : min,
    max: max > 0 ? Math.max(0, histogram.percentile(PERCENTILE)) : max,
  };
}

/** Shares of an end that are tried, from all of it down. */
const SHARES = Array.from({ length: 64 }, (_, i) => 1 - i / 64);

/** The number that stands for a bin: its middle, or 0 where it holds 0, as most do there that are in it. */
function middle({ min, max }: Range, bins: number, bin: number): number {
  const width = (max - min) / bins;
  const low = min + bin * width;
  return low <= 0 && low + width >= 0 ? 0 : low + width / 2;
}

/** The range of the least squared error of rounding and clamping: first the upper end is chosen, then the lower one. */
export function leastErrorRange({ range, counts }: Histogram): Range {
  const numbers = Float64Array.from(counts, (_, bin) => middle(range, counts.length, bin));
  const errorOf = (candidate: Range): number => {
    const { scale, zeroPoint } = quantizationOf(candidate);
    let error = 0;
    counts.forEach((count, bin) => {
      if (!count) return;
      const v = numbers[bin]!;
      const q = Math.max(-128, Math.min(127, Math.floor(v / scale[0]! + 0.5) + zeroPoint));
      error += count * (v - (q - zeroPoint) * scale[0]!) ** 2;
    });
    return error;
  };
  let best = range;
  let least = errorOf(range);
  const consider = (candidate: Range): void => {
    const error = errorOf(candidate);
    if (error >= least) return;
    least = error;
    best = candidate;
  };
  if (range.max > 0) for (const share of SHARES) consider({ min: range.min, max: range.max * share });
  const { max } = best;
  if (range.min < 0) for (const share of SHARES) consider({ min: range.min * share, max });
  return best;
}

const STEPS = 255;

/** Replaces 0 in a distribution, so that its divergence is finite. */
const SMOOTH = 1e-4;

/**
 * The range, between -T and T for some T, whose numbers in 255 steps have the distribution that diverges least from
 * that of all numbers, those outside counted at the ends (Kullback-Leibler; Migacz 2017). The bin of 0 is left out:
 * what is 0 is exact in any range.
 */
export function entropyRange({ range, counts }: Histogram): Range {
  const bins = counts.length;
  const width = (range.max - range.min) / bins;
  if (!(width > 0)) return range;
  const zero = range.min <= 0 && range.max >= 0 ? Math.min(bins - 1, Math.floor(-range.min / width)) : -1;
  const most = Math.max(-range.min, range.max);
  let best = range;
  let least = Infinity;
  for (const share of SHARES) {
    const end = most * share;
    const candidate = { min: Math.max(range.min, -end), max: Math.min(range.max, end) };
    const begin = Math.max(0, Math.floor((candidate.min - range.min) / width + 0.5));
    const behind = Math.min(bins, Math.floor((candidate.max - range.min) / width + 0.5));
    if (behind - begin < STEPS) break;
    const divergence = divergenceIn(counts, begin, behind, zero);
    if (divergence >= least) continue;
    least = divergence;
    best = candidate;
  }
  return best;
}

function divergenceIn(counts: Readonly<Float64Array>, begin: number, end: number, zero: number): number {
  const count = (bin: number): number => (bin === zero ? 0 : counts[bin]!);
  const length = end - begin;
  const real = Float64Array.from({ length }, (_, i) => count(begin + i));
  const rounded = new Float64Array(length);
  for (let step = 0; step < STEPS; step++) {
    const [from, to] = [Math.floor((step * length) / STEPS), Math.floor(((step + 1) * length) / STEPS)];
    let sum = 0;
    let filled = 0;
    for (let i = from; i < to; i++) {
      sum += real[i]!;
      if (real[i]) filled++;
    }
    for (let i = from; i < to; i++) if (real[i]) rounded[i] = sum / filled;
  }
  for (let bin = 0; bin < begin; bin++) real[0]! += count(bin);
  for (let bin = end; bin < counts.length; bin++) real[length - 1]! += count(bin);
  const [all, kept] = [sumOf(real), sumOf(rounded)];
  if (!all || !kept) return Infinity;
  let divergence = 0;
  for (let i = 0; i < length; i++) {
    if (!real[i]) continue;
    const p = real[i]! / all;
    divergence += p * log(p / Math.max(rounded[i]! / kept, SMOOTH / length));
  }
  return divergence;
}

const sumOf = (numbers: Float64Array): number => numbers.reduce((a, b) => a + b, 0);
