// Rows of k floats that need not fill whole vectors.

/** Lanes i with i < left are all ones. */
@inline export function firstLanes(left: i32): v128 {
  return i32x4.gt_s(i32x4.splat(left), i32x4(0, 1, 2, 3));
}

/** Stores the first `left` (1..3, or all four) lanes of v at y. */
@inline export function storeLanes(y: usize, v: v128, left: i32): void {
  if (left >= 4) {
    v128.store(y, v);
    return;
  }
  store<f32>(y, f32x4.extract_lane(v, 0));
  if (left > 1) store<f32>(y, f32x4.extract_lane(v, 1), 4);
  if (left > 2) store<f32>(y, f32x4.extract_lane(v, 2), 8);
}

/** Zeros after `size` floats at y, up to the next multiple of 8: the padding of an image stored flat. */
@inline export function zeroPadding(y: usize, size: i32): void {
  for (let i = size; i & 7; i++) store<f32>(y + (<usize>i << 2), 0);
}
