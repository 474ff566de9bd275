/** Keras' probabilities and targets: clipped to [1e-7, `high`], and smoothed. */

export interface Smoothing {
  /** Targets are drawn towards equal shares by this much. */
  smoothing: number;
}

const EPSILON = 1e-7;

/** The upper end where 1 is no probability either. */
export const BELOW_ONE = 1 - EPSILON;

export const clip = (x: number, high: number): number => Math.min(Math.max(x, EPSILON), high);

/** True where a gradient passes `clip`. */
export const unclipped = (x: number, high: number): boolean => x >= EPSILON && x <= high;
