/**
 * Slow twins of assembly/f32-resize.ts. Each operation is rounded to f32. `rows` and `columns` are lists of [first,
 * second, share].
 */

const f = Math.fround;

type Neighbours = readonly (readonly [first: number, second: number, share: number])[];

/**
 * Elements of the four neighbours of every output element, in order. Neighbours are rows and columns here, not offsets.
 */
function corners(
  [w, c]: readonly [number, number],
  rows: Neighbours,
  columns: Neighbours,
  visit: (out: number, corners: readonly [number, number, number, number], right: number, down: number) => void,
): void {
  let out = 0;
  for (const [top, bottom, down] of rows)
    for (const [left, right, share] of columns)
      for (let channel = 0; channel < c; channel++) {
        const at = (row: number, column: number) => (row * w + column) * c + channel;
        visit(out++, [at(top, left), at(top, right), at(bottom, left), at(bottom, right)], f(share), f(down));
      }
}

export function f32_resize_bilinear(
  x: Float32Array,
  image: readonly [number, number],
  rows: Neighbours,
  columns: Neighbours,
): Float32Array {
  const y = new Float32Array(rows.length * columns.length * image[1]);
  const mix = (a: number, b: number, share: number) => f(a + f(f(b - a) * share));
  corners(image, rows, columns, (out, [tl, tr, bl, br], right, down) => {
    y[out] = mix(mix(x[tl]!, x[tr]!, right), mix(x[bl]!, x[br]!, right), down);
  });
  return y;
}

/** Adds to dx. */
export function f32_resize_bilinear_gradient(
  dy: Float32Array,
  dx: Float32Array,
  image: readonly [number, number],
  rows: Neighbours,
  columns: Neighbours,
): void {
  corners(image, rows, columns, (out, [tl, tr, bl, br], right, down) => {
    const l = f(dy[out]! * f(1 - right));
    const r = f(dy[out]! * right);
    dx[tl] = dx[tl]! + f(l * f(1 - down));
    dx[tr] = dx[tr]! + f(r * f(1 - down));
    dx[bl] = dx[bl]! + f(l * down);
    dx[br] = dx[br]! + f(r * down);
  });
}
