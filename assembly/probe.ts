// A module of its own, a few hundred bytes, that shows what an engine can do before any real binary is unpacked:
// it validates only where its instructions exist, and runs the one instruction whose result differs between engines.
// Operands come from memory, so that no compiler works the answer out beforehand.

/** y = c + the dots of four bytes of a with four of b; without relaxed SIMD, of two 16-bit integers with two. */
export function dot(a: usize, b: usize, c: usize, y: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    v128.store(y, i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(a), v128.load(b), v128.load(c)));
  } else {
    v128.store(y, i32x4.add(i32x4.dot_i16x8_s(v128.load(a), v128.load(b)), v128.load(c)));
  }
}
