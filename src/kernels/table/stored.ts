/** Groups of arguments that int8 kernels share. Strides are in bytes. */

/** Images that are read: a stored image is q + 128, in bytes (relaxed) or 16-bit words (plain). */
export const source = { n: "count", x: "read", xs: "int", x_row_stride: "int" } as const;

/** Images that are written. */
export const target = { y: "write", ys: "int", y_row_stride: "int" } as const;

/**
 * The epilogue: y stored = clamp(round(sum * scale) + zero, qmin, qmax). A ReLU is a qmin, a ReLU6 a qmin and a qmax.
 */
export const clamped = { zero: "int", qmin: "int", qmax: "int" } as const;

/** The epilogue of a quantization found at run time: y f32 = sum * chosen scale * scale[output] + bias[output]. */
export const dynamic = { chosen: "read", cs: "int", bias: "read" } as const;

/**
 * Packing: int8 weights, an i32 bias (address 0: none) and an f32 scale for each output -> what the kernel beside it
 * reads. `zero`: the zero point of the activations to come.
 */
export const packing = { weight: "read", bias: "read", scale: "read", zero: "int", y: "write" } as const;
