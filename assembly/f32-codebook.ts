// Weights that are shared: each becomes the nearest of a few values.

/** Up to so many values a weight is compared with all of their midpoints, four weights at a time; then by halves. */
const FEW: i32 = 32;

/**
 * Sorts k values, with `zero` also a 0, whose index is -1: their numbers, then their indices, then the midpoints
 * between neighbours, which are lists of k + zero words. Those of one step are nearly in order as those of the next.
 */
@inline function sorted(k: i32, zero: i32, c: usize, numbers: usize, indices: usize, midpoints: usize): void {
  const n = k + zero;
  for (let i = 0; i < n; i++) {
    const v: f32 = i < k ? load<f32>(c + (<usize>i << 2)) : 0;
    let at = <usize>i << 2;
    while (at > 0 && load<f32>(numbers + at - 4) > v) {
      store<f32>(numbers + at, load<f32>(numbers + at - 4));
      store<i32>(indices + at, load<i32>(indices + at - 4));
      at -= 4;
    }
    store<f32>(numbers + at, v);
    store<i32>(indices + at, i < k ? i : -1);
  }
  for (let i = 1; i < n; i++) {
    const at = <usize>i << 2;
    const low = load<f32>(numbers + at - 4), high = load<f32>(numbers + at);
    const middle = <f32>0.5 * (low + high);
    // where half of the least number below 0 rounds to 0, 0 is nearer to what is above
    store<f32>(midpoints + at - 4, middle == 0 && low < 0 ? low : middle);
  }
}

export function f32_codebook(
  rows: i32,
  length: i32,
  k: i32,
  zero: i32,
  x: usize,
  c: usize,
  y: usize,
  index: usize,
  scratch: usize,
): void {
  const n = k + zero;
  const bytes = <usize>n << 2;
  const indices = scratch + bytes, midpoints = indices + bytes;
  for (let r = 0; r < rows; r++) {
    sorted(k, zero, c, scratch, indices, midpoints);
    for (let j = 0; j < length; j += 4) {
      const left = min(4, length - j);
      if (n <= FEW) {
        const v = v128.load(x);
        let places = i32x4.splat(0);
        for (let i: usize = 0; i < bytes - 4; i += 4)
          places = i32x4.sub(places, f32x4.gt(v, v128.load32_splat(midpoints + i)));
        places = i32x4.shl(places, 2);
        place(<usize>i32x4.extract_lane(places, 0), scratch, indices, y, index);
        if (left > 1) place(<usize>i32x4.extract_lane(places, 1), scratch, indices, y + 4, index + 4);
        if (left > 2) place(<usize>i32x4.extract_lane(places, 2), scratch, indices, y + 8, index + 8);
        if (left > 3) place(<usize>i32x4.extract_lane(places, 3), scratch, indices, y + 12, index + 12);
      } else {
        for (let lane: usize = 0; lane < <usize>left << 2; lane += 4)
          place(<usize>below(load<f32>(x + lane), n - 1, midpoints) << 2, scratch, indices, y + lane, index + lane);
      }
      x += <usize>left << 2;
      y += <usize>left << 2;
      index += <usize>left << 2;
    }
    c += <usize>k << 2;
  }
}

@inline function place(at: usize, numbers: usize, indices: usize, y: usize, index: usize): void {
  store<f32>(y, load<f32>(numbers + at));
  store<i32>(index, load<i32>(indices + at));
}

/** Counts those of n numbers in order that are less than v. */
@inline function below(v: f32, n: i32, numbers: usize): i32 {
  let from = 0;
  let to = n;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (v > load<f32>(numbers + (<usize>middle << 2))) from = middle + 1;
    else to = middle;
  }
  return from;
}

export function f32_codebook_gradient(
  rows: i32,
  length: i32,
  k: i32,
  mean: i32,
  dy: usize,
  index: usize,
  dc: usize,
  scratch: usize,
): void {
  const bytes = <usize>k << 2;
  for (let r = 0; r < rows; r++) {
    memory.fill(dc, 0, bytes);
    memory.fill(scratch, 0, bytes);
    const end = dy + (<usize>length << 2);
    for (; dy < end; dy += 4) {
      const i = load<i32>(index);
      index += 4;
      if (i < 0) continue;
      const at = <usize>i << 2;
      store<f32>(dc + at, load<f32>(dc + at) + load<f32>(dy));
      store<i32>(scratch + at, load<i32>(scratch + at) + 1);
    }
    if (mean) {
      for (let at: usize = 0; at < bytes; at += 4) {
        const count = load<i32>(scratch + at);
        if (count > 1) store<f32>(dc + at, load<f32>(dc + at) / <f32>count);
      }
    }
    dc += bytes;
  }
}
