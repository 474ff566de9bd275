/** Slow twins of what assembly/memory.ts moves by an index: on elements, where the kernels have bytes. */

/** One axis of `rearrange`: from one index to the next in y, and for each where it is in x, negative: nowhere. */
export interface Axis {
  step: number;
  offsets: readonly number[];
}

/** Writes runs of `length` elements along `axes`: from x at the sum of the axes' offsets, or `fill`. */
export function rearrange(
  x: ArrayLike<number>,
  y: { [i: number]: number },
  axes: readonly Axis[],
  length: number,
  fill: number,
): void {
  let places = [{ from: 0, to: 0 }];
  for (const { step, offsets } of axes)
    places = places.flatMap(({ from, to }) =>
      offsets.map((at, i) => ({ from: at < 0 ? -Infinity : from + at, to: to + i * step })),
    );
  for (const { from, to } of places) for (let i = 0; i < length; i++) y[to + i] = from < 0 ? fill : x[from + i]!;
}

/** dx[index[j]] += dy[j], rounded to f32 each time, where index[j] >= 0. */
export function f32_scatter_add(dy: Float32Array, dx: Float32Array, index: Int32Array): void {
  index.forEach((at, j) => {
    if (at >= 0) dx[at] = dx[at]! + dy[j]!;
  });
}

/** The places along axes, [how many, step] each, and the last three times more. */
export function offsets(axes: readonly (readonly [count: number, step: number])[]): Int32Array {
  let places = [0];
  for (const [count, step] of axes)
    places = places.flatMap(place => Array.from({ length: count }, (_, i) => place + i * step));
  const last = places.at(-1)!;
  return Int32Array.from([...places, last, last, last]);
}
