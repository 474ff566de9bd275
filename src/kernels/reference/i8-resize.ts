/** Slow twin of assembly/i8-resize.ts, on int8: XNNPACK's qs8-ibilinear. */

type Neighbours = readonly (readonly [first: number, second: number, share: number])[];

/** x [h][w][c]; `rows` and `columns` list [first, second, share in 1/2048]. */
export function i8_resize_bilinear(
  x: Int8Array,
  [w, c]: readonly [number, number],
  rows: Neighbours,
  columns: Neighbours,
): Int8Array {
  const y: number[] = [];
  for (const [top, bottom, down] of rows)
    for (const [left, right, share] of columns)
      for (let channel = 0; channel < c; channel++) {
        const at = (row: number, column: number) => x[(row * w + column) * c + channel]!;
        const above = 2048 * at(top, left) + (at(top, right) - at(top, left)) * share;
        const below = 2048 * at(bottom, left) + (at(bottom, right) - at(bottom, left)) * share;
        y.push(Math.floor((2048 * above + (below - above) * down + 2 ** 21) / 2 ** 22));
      }
  return Int8Array.from(y);
}
