/** Groups of arguments that f32 kernels share. */

/** x of each image. */
export const source = { n: "count", x: "read", xs: "int" } as const;

/** y of each image. */
export const target = { y: "write", ys: "int" } as const;

/** dy and x of each image. */
export const backward = { n: "count", dy: "read", dys: "int", x: "read", xs: "int" } as const;

/** dx of each image. */
export const inputGradient = { dx: "write", dxs: "int" } as const;

/** `repeat` rows of k floats an image. */
export const rows = { repeat: "int", k: "int" } as const;
