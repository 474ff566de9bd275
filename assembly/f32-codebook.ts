// Weights that are shared: each becomes the nearest of a few values.

const NONE: i32 = -1;

/** Adds d to the sum and 1 to the count of a member. */
@inline function gather(index: i32, d: f32, dc: usize, counts: usize): void {
  if (index == NONE) return;
  const at = <usize>index << 2;
  store<f32>(dc + at, load<f32>(dc + at) + d);
  store<i32>(counts + at, load<i32>(counts + at) + 1);
}

export function f32_codebook(rows: i32, length: i32, k: i32, zero: i32, x: usize, c: usize, y: usize): void {
  const none = f32x4.splat(0);
  for (let r = 0; r < rows; r++) {
    const first = v128.load32_splat(c);
    // what is written past the end of a row, the next row writes over
    for (let j = 0; j < length; j += 4) {
      const at = <usize>j << 2;
      const v = v128.load(x + at);
      let value = zero ? none : first;
      let least = f32x4.abs(f32x4.sub(v, value));
      for (let i = zero ? 0 : 1; i < k; i++) {
        const candidate = v128.load32_splat(c + (<usize>i << 2));
        const distance = f32x4.abs(f32x4.sub(v, candidate));
        const nearer = f32x4.lt(distance, least);
        least = v128.bitselect(distance, least, nearer);
        value = v128.bitselect(candidate, value, nearer);
      }
      v128.store(y + at, value);
    }
    x += <usize>length << 2;
    y += <usize>length << 2;
    c += <usize>k << 2;
  }
}

export function f32_codebook_gradient(
  rows: i32,
  length: i32,
  k: i32,
  zero: i32,
  mean: i32,
  dy: usize,
  x: usize,
  c: usize,
  dc: usize,
  scratch: usize,
): void {
  const bytes = <usize>k << 2;
  for (let r = 0; r < rows; r++) {
    memory.fill(dc, 0, bytes);
    memory.fill(scratch, 0, bytes);
    const first = zero ? f32x4.splat(0) : v128.load32_splat(c);
    for (let j = 0; j < length; j += 4) {
      const at = <usize>j << 2;
      const v = v128.load(x + at);
      let index = i32x4.splat(zero ? NONE : 0);
      let least = f32x4.abs(f32x4.sub(v, first));
      for (let i = zero ? 0 : 1; i < k; i++) {
        const distance = f32x4.abs(f32x4.sub(v, v128.load32_splat(c + (<usize>i << 2))));
        const nearer = f32x4.lt(distance, least);
        least = v128.bitselect(distance, least, nearer);
        index = v128.bitselect(i32x4.splat(i), index, nearer);
      }
      const left = length - j;
      gather(i32x4.extract_lane(index, 0), load<f32>(dy + at), dc, scratch);
      if (left > 1) gather(i32x4.extract_lane(index, 1), load<f32>(dy + at, 4), dc, scratch);
      if (left > 2) gather(i32x4.extract_lane(index, 2), load<f32>(dy + at, 8), dc, scratch);
      if (left > 3) gather(i32x4.extract_lane(index, 3), load<f32>(dy + at, 12), dc, scratch);
    }
    if (mean) {
      for (let at: usize = 0; at < bytes; at += 4) {
        const count = load<i32>(scratch + at);
        if (count > 1) store<f32>(dc + at, load<f32>(dc + at) / <f32>count);
      }
    }
    x += <usize>length << 2;
    dy += <usize>length << 2;
    c += bytes;
    dc += bytes;
  }
}
