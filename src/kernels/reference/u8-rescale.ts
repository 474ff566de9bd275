const f = Math.fround;

/** One byte. */
export const u8_rescale = (x: number, scale: number, offset: number): number => f(f(x * f(scale)) + f(offset));
