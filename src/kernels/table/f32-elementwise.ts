import { type Row, rows } from "./row.ts";

/**
 * Elementwise kernels run over `n` stored floats, any layout, padding included, and may run in place (an output may be an input).
 * They work in whole vectors, so up to three floats after the last are read and written.
 */
const vectors = { overRead: 12, overWrite: 12 };
const unary = { args: { n: "int", x: "read", y: "write" }, binary: "both", ...vectors } as const satisfies Row;
const binary = {
  args: { n: "int", a: "read", b: "read", y: "write" },
  binary: "both",
  ...vectors,
} as const satisfies Row;
const fromOutput = {
  args: { n: "int", dy: "read", y: "read", dx: "write" },
  binary: "train",
  ...vectors,
} as const satisfies Row;

export const f32Elementwise = rows({
  /** y = max(x, 0). */
  f32_relu: unary,
  /** dx = y > 0 ? dy : 0, y the output of the forward. */
  f32_relu_gradient: fromOutput,
  /** y = a + b. */
  f32_add: binary,
  /** y = a - b. */
  f32_sub: binary,
  /** y = a * b. */
  f32_mul: binary,
});
