/** Weights rounded to few bits, as a quantized kernel would hold them. */

/**
 * Weights [outputs][...] in steps of max |w| / (2^(bits - 1) - 1) for each output: symmetric, ties to even. It is what
 * int8 weights are for 8 bits, but for rare scales that a bias raises.
 */
export function roundedToBits(weights: Float32Array, outputs: number, bits: number): Float32Array {
  const row = weights.length / outputs;
  const most = (1 << (bits - 1)) - 1;
  const rounded = new Float32Array(weights.length);
  for (let begin = 0; begin < weights.length; begin += row) {
    let top = 0;
    for (let i = begin; i < begin + row; i++) top = Math.max(top, Math.abs(weights[i]!));
    const step = Math.fround(top / most);
    if (step === 0) continue;
    for (let i = begin; i < begin + row; i++)
      rounded[i] = Math.max(-most, Math.min(most, even(weights[i]! / step))) * step;
  }
  return rounded;
}

/** The nearest integer, ties to even. */
function even(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
