// What the sparse kernels share: the table of the eight pixels of a tile.

/** Bytes of the two tables that stand first in the scratch of a sparse kernel: where the last tile reads its pixels, and writes them. */
@inline export const TABLES: usize = 64;

/** Places p .. p + 7 of `table`. Past the last one that is repeated, in a table made at `room`. */
export function eight(table: usize, p: i32, last: i32, room: usize): usize {
  if (p + 7 <= last) return table + (<usize>p << 2);
  for (let i = 0; i < 8; i++) store<i32>(room + (<usize>i << 2), load<i32>(table + (<usize>min(p + i, last) << 2)));
  return room;
}
