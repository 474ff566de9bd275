/**
 * The axes of a node's operands, in terms of indices: two axes that are made of the same `Indices` have their indices in the same order,
 * whatever that is. `product` is several axes in one, as flatten makes it, the last one innermost; `parts` is several axes one behind
 * another, as concat makes it.
 *
 *     flatten: x [h] [w] [c]   ->  y [product(h, w, c)]
 *     concat:  a [x], b [z]    ->  y [parts(x, z)]
 */
export type Axis = Indices | Product | Parts;

export interface Indices {
  readonly kind: "indices";
  readonly size: number;
  /** Their order is not free: that of pixels, of inputs and results. */
  readonly fixed?: true;
  /** Each of them counts whatever its numbers are, as in a softmax: they may be reordered, but none removed. */
  readonly whole?: true;
}

export interface Product {
  readonly kind: "product";
  readonly size: number;
  readonly factors: readonly Axis[];
}

export interface Parts {
  readonly kind: "parts";
  readonly size: number;
  readonly parts: readonly Axis[];
}

/** So many indices, in any order. Each call gives others. */
export const indices = (size: number): Indices => ({ kind: "indices", size });

/** Indices that stay as they are. */
export const fixed = (size: number): Indices => ({ kind: "indices", size, fixed: true });

/** Indices in any order, of which none may be removed. */
export const whole = (size: number): Indices => ({ kind: "indices", size, whole: true });

export const product = (...factors: Axis[]): Product => ({
  kind: "product",
  size: factors.reduce((n, axis) => n * axis.size, 1),
  factors,
});

export const parts = (...list: Axis[]): Parts => ({
  kind: "parts",
  size: list.reduce((n, axis) => n + axis.size, 0),
  parts: list,
});
