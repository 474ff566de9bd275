/** Slow twins of what assembly/memory.ts moves by an index: on elements, where the kernels have bytes. */

/** y is runs of `length` elements; run r begins at x[index[r]], or holds `fill` where that is negative. */
export function copy_runs(x: readonly number[], index: Int32Array, length: number, fill: number): number[] {
  return [...index].flatMap(at => Array.from({ length }, (_, i) => (at < 0 ? fill : x[at + i]!)));
}

/** dx[index[j]] += dy[j], rounded to f32 each time, where index[j] >= 0. */
export function f32_scatter_add(dy: Float32Array, dx: Float32Array, index: Int32Array): void {
  index.forEach((at, j) => {
    if (at >= 0) dx[at] = dx[at]! + dy[j]!;
  });
}
