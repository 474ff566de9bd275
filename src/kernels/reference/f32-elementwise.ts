/** Twins of the elementwise kernels: one element in, one element out, each operation rounded to f32. */

const f = Math.fround;

export const f32_relu = (x: number): number => Math.max(x, 0);
export const f32_relu_gradient = (dy: number, y: number): number => (y > 0 ? dy : 0);
export const f32_add = (a: number, b: number): number => f(a + b);
export const f32_sub = (a: number, b: number): number => f(a - b);
export const f32_mul = (a: number, b: number): number => f(a * b);
