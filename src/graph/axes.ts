/**
 * Terms describe the axes of a node's operands. Two axes with the same `Indices` object have their indices in the same
 * order, whatever it is. A `product` is several axes merged into one, as by flatten, the last one innermost; `parts`
 * are several axes one after another, as by concat.
 *
 *     flatten: x [h] [w] [c]   ->  y [product(h, w, c)]
 *     concat:  a [x], b [z]    ->  y [parts(x, z)]
 */
export type Axis = Indices | Product | Parts;

export interface Indices {
  readonly kind: "indices";
  readonly size: number;
  /** The order is not free, like that of pixels. */
  readonly fixed?: true;
  /** No index may be removed, whatever its values, as in a softmax. They may be reordered. */
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

/** Makes new indices that may be in any order. */
export const indices = (size: number): Indices => ({ kind: "indices", size });

/** Makes indices that stay as they are. */
export const fixed = (size: number): Indices => ({ kind: "indices", size, fixed: true });

/** Makes indices that may be in any order, but none of which may be removed. */
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
