// Validates only where there are relaxed instructions, and runs the one whose result differs between engines.
// Operands come from memory, so that no compiler works the answer out beforehand.

/** y = c + the dots of four bytes of a with four of b. */
export function dot(a: usize, b: usize, c: usize, y: usize): void {
  v128.store(y, i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(a), v128.load(b), v128.load(c)));
}
