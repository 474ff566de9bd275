// The scratch of the sparse kernels that take tiles of eight pixels:
//
//   0: places of the last tile's pixels | 32: of its results | SUMS: of 4 outputs | VECTORS | ROWS: what is transposed
@inline export const SUMS: usize = 64;
@inline export const VECTORS: usize = 192;
@inline export const ROWS: usize = 256;

/** Gives the address of places p .. p + 7 of `table`. Past the last one that is repeated, in a table made at `room`. */
export function eight(table: usize, p: i32, last: i32, room: usize): usize {
  if (p + 7 <= last) return table + (<usize>p << 2);
  for (let i = 0; i < 8; i++) store<i32>(room + (<usize>i << 2), load<i32>(table + (<usize>min(p + i, last) << 2)));
  return room;
}
