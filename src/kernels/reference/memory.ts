/** Slow twins of the kernels of assembly/memory.ts with tables: on elements, where the kernels have bytes. */

/**
 * Indices of an axis in a row: the first is at `start` in x, the others `step` apart; all of them are padding where
 * `start` is negative.
 */
export interface Run {
  readonly count: number;
  readonly start: number;
  readonly step: number;
}

/** One axis of `rearrange`: the stride in y, and the runs of indices in x. */
export interface Axis {
  readonly pitch: number;
  readonly runs: readonly Run[];
}

/** Writes pieces of `length` elements along `axes`: from x at the sum of the axes' places, or `fill`. */
export function rearrange(
  x: ArrayLike<number>,
  y: { [i: number]: number },
  axes: readonly Axis[],
  length: number,
  fill: number,
): void {
  let places = [{ from: 0, to: 0 }];
  for (const { pitch, runs } of axes) {
    const offsets = runs.flatMap(({ count, start, step }) =>
      Array.from({ length: count }, (_, i) => (start < 0 ? -Infinity : start + i * step)),
    );
    places = places.flatMap(({ from, to }) => offsets.map((at, i) => ({ from: from + at, to: to + i * pitch })));
  }
  for (const { from, to } of places) for (let i = 0; i < length; i++) y[to + i] = from < 0 ? fill : x[from + i]!;
}

/** dx[index[j]] += dy[j], rounded to f32 each time, where index[j] >= 0. */
export function f32_scatter_add(dy: Float32Array, dx: Float32Array, index: Int32Array): void {
  index.forEach((at, j) => {
    if (at >= 0) dx[at] = dx[at]! + dy[j]!;
  });
}

/** The offsets along axes, [count, step] each, and the last three times more. */
export function offsets(axes: readonly (readonly [count: number, step: number])[]): Int32Array {
  let places = [0];
  for (const [count, step] of axes)
    places = places.flatMap(place => Array.from({ length: count }, (_, i) => place + i * step));
  const last = places.at(-1)!;
  return Int32Array.from([...places, last, last, last]);
}
