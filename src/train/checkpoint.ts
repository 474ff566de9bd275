/** Where a training stands: everything that is needed to go on as if it had never stopped. */
import type { TypedArray } from "../base/shape.ts";

export interface Checkpoint {
  /** Steps the optimizer has made. */
  readonly step: number;
  /** Epochs done. */
  readonly epoch: number;
  /** Steps done of the epoch after them. */
  readonly batch: number;
  readonly seed: number;
  /** Sums of loss and metrics over the images of those steps. */
  readonly sums: Readonly<Record<string, number>>;
  /** Where a callback has set it. */
  readonly learningRate?: number;
  /** Weights, moving averages, masks and the optimizer's moments, in logical order. */
  readonly states: ReadonlyMap<string, TypedArray>;
}
