/** Shapes and element types, the vocabulary of all layers above. */

/** Sizes of the axes of one image (or of a parameter), outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/** Element types. `i8` is for quantized activations and weights; `i32` for their biases, labels and positions. */
export type DType = "f32" | "i8" | "u8" | "i32" | "u32";

export type TypedArray = Float32Array | Int8Array | Uint8Array | Int32Array | Uint32Array;

export const BYTES: Record<DType, number> = { f32: 4, i8: 1, u8: 1, i32: 4, u32: 4 };

const ARRAYS = { f32: Float32Array, i8: Int8Array, u8: Uint8Array, i32: Int32Array, u32: Uint32Array };

/** A zeroed array of `length` elements of `dtype`. */
export const allocate = (dtype: DType, length: number): TypedArray => new ARRAYS[dtype](length);

/** `length` elements of `dtype` at byte offset `at` of `buffer`. */
export const view = (dtype: DType, buffer: ArrayBufferLike, at: number, length: number): TypedArray =>
  new ARRAYS[dtype](buffer as ArrayBuffer, at, length);

/** The number of elements of a shape. */
export const size = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);

/** The smallest multiple of `step` that is >= n. */
export const roundUp = (n: number, step: number): number => Math.ceil(n / step) * step;

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);

/**
 * True if rows of both shapes hold the same numbers in the same order. Axes of size 1 do not count: 28x28 and 28x28x1
 * are compatible.
 */
export const compatibleShapes = (a: Shape, b: Shape): boolean =>
  sameShape(
    a.filter(n => n !== 1),
    b.filter(n => n !== 1),
  );

/** `[28, 28, 1]` -> "28x28x1"; `[]` -> "scalar". */
export const showShape = (shape: Shape): string => (shape.length ? shape.join("x") : "scalar");

/** Names samples of that shape for users: "images of 28x28x1", "samples of 4". */
export const showSamples = (shape: Shape): string =>
  `${shape.length === 3 && [1, 3, 4].includes(shape[2]!) ? "images" : "samples"} of ${showShape(shape)}`;
