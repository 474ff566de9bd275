// Copies and index tables.

export function zero(y: usize, bytes: i32): void {
  memory.fill(y, 0, bytes);
}

export function permute(n: i32, x: usize, y: usize, index: usize): void {
  for (let i = 0; i < n; i++) {
    const j = load<i32>(index + (<usize>i << 2));
    store<f32>(y + (<usize>i << 2), j < 0 ? <f32>0 : load<f32>(x + (<usize>j << 2)));
  }
}

/** Copies `bytes` bytes. Where `from` is 0, writes `fill`, a word that repeats the pattern of one element. */
@inline function copyRun(from: usize, to: usize, bytes: i32, fill: i32): void {
  let b = 0;
  if (from == 0) {
    for (; b <= bytes - 4; b += 4) store<i32>(to + b, fill);
    if (b <= bytes - 2) {
      store<u16>(to + b, <u16>fill);
      b += 2;
    }
    if (b < bytes) store<u8>(to + b, <u8>fill);
  } else if (bytes >= 128) memory.copy(to, from, bytes);
  else {
    // runs are often one pixel: measured, `memory.copy` costs more than these loops below some 100 bytes
    for (; b <= bytes - 16; b += 16) v128.store(to + b, v128.load(from + b));
    for (; b <= bytes - 4; b += 4) store<u32>(to + b, load<u32>(from + b));
    for (; b < bytes; b++) store<u8>(to + b, load<u8>(from + b));
  }
}

/**
 * Copies along the first of `rank` axes; where `from` is 0, all of it is padding. An axis is the number of its runs and
 * the stride in y, then for each run the number of indices, the offset of the first in x (negative: padding), and the
 * stride in x.
 */
function copyAlong(rank: i32, axes: usize, from: usize, to: usize, bytes: i32, fill: i32): void {
  const runs = load<i32>(axes), pitch = load<usize>(axes, 4), inner = axes + 8 + <usize>runs * 12;
  for (let run = axes + 8; run < inner; run += 12) {
    const start = load<i32>(run, 4);
    const inside = from != 0 && start >= 0;
    const step: usize = inside ? load<usize>(run, 8) : 0;
    let x: usize = inside ? from + <usize>start : 0;
    for (let count = load<i32>(run); count > 0; count--) {
      if (rank > 1) copyAlong(rank - 1, inner, x, to, bytes, fill);
      else copyRun(x, to, bytes, fill);
      x += step;
      to += pitch;
    }
  }
}

export function rearrange(
  n: i32,
  x: usize,
  xs: i32,
  y: usize,
  ys: i32,
  rank: i32,
  axes: usize,
  bytes: i32,
  fill: i32,
): void {
  for (; n > 0; n--) {
    copyAlong(rank, axes, x, y, bytes, fill);
    x += <usize>xs;
    y += <usize>ys;
  }
}

/** Writes the offsets along the first of `rank` axes, beginning with `place`; returns the address after the last. */
function offsetsAlong(rank: i32, axes: usize, place: i32, y: usize): usize {
  for (let i = load<i32>(axes); i > 0; i--) {
    if (rank > 1) y = offsetsAlong(rank - 1, axes + 8, place, y);
    else {
      store<i32>(y, place);
      y += 4;
    }
    place += load<i32>(axes, 4);
  }
  return y;
}

export function offsets(rank: i32, axes: usize, y: usize): void {
  const end = offsetsAlong(rank, axes, 0, y), last = load<i32>(end - 4);
  store<i32>(end, last);
  store<i32>(end, last, 4);
  store<i32>(end, last, 8);
}

/** In order of the elements of dy, so that the sums are the same on every engine. */
export function f32_scatter_add(n: i32, dy: usize, dys: i32, dx: usize, dxs: i32, length: i32, index: usize): void {
  for (let i = 0; i < n; i++) {
    for (let j: usize = 0; j < <usize>length; j++) {
      const at = load<i32>(index + (j << 2));
      if (at >= 0) {
        const to = dx + (<usize>at << 2);
        store<f32>(to, load<f32>(to) + load<f32>(dy + (j << 2)));
      }
    }
    dy += <usize>dys;
    dx += <usize>dxs;
  }
}
