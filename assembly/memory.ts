// Moving bytes about.

export function zero(y: usize, bytes: i32): void {
  memory.fill(y, 0, bytes);
}

export function permute(n: i32, x: usize, y: usize, index: usize): void {
  for (let i = 0; i < n; i++) {
    const j = load<i32>(index + (<usize>i << 2));
    store<f32>(y + (<usize>i << 2), j < 0 ? <f32>0 : load<f32>(x + (<usize>j << 2)));
  }
}

export function copy_rows(n: i32, x: usize, xs: i32, y: usize, ys: i32, bytes: i32): void {
  for (let i = 0; i < n; i++) {
    memory.copy(y, x, bytes);
    x += <usize>xs;
    y += <usize>ys;
  }
}

// Blocks are often one pixel: measured, `memory.copy` costs more than these loops below some 100 bytes.
export function copy_blocks(
  n: i32,
  x: usize,
  xs: i32,
  y: usize,
  ys: i32,
  rows: i32,
  xr: i32,
  yr: i32,
  bytes: i32,
): void {
  for (let i = 0; i < n; i++) {
    let from = x;
    let to = y;
    for (let r = 0; r < rows; r++) {
      if (bytes >= 128) memory.copy(to, from, bytes);
      else {
        let b = 0;
        for (; b <= bytes - 16; b += 16) v128.store(to + b, v128.load(from + b));
        for (; b <= bytes - 4; b += 4) store<u32>(to + b, load<u32>(from + b));
        for (; b < bytes; b++) store<u8>(to + b, load<u8>(from + b));
      }
      from += <usize>xr;
      to += <usize>yr;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

/** Where index[r] < 0, run r is filled with `fill`, a word that repeats the pattern of one element. */
export function copy_runs(
  n: i32,
  x: usize,
  xs: i32,
  y: usize,
  ys: i32,
  runs: i32,
  index: usize,
  bytes: i32,
  fill: i32,
): void {
  for (let i = 0; i < n; i++) {
    let to = y;
    for (let r = 0; r < runs; r++) {
      const at = load<i32>(index + (<usize>r << 2));
      let b = 0;
      if (at < 0) {
        for (; b <= bytes - 4; b += 4) store<i32>(to + b, fill);
        if (b <= bytes - 2) {
          store<u16>(to + b, <u16>fill);
          b += 2;
        }
        if (b < bytes) store<u8>(to + b, <u8>fill);
      } else {
        const from = x + <usize>at;
        for (; b <= bytes - 16; b += 16) v128.store(to + b, v128.load(from + b));
        for (; b <= bytes - 4; b += 4) store<u32>(to + b, load<u32>(from + b));
        for (; b < bytes; b++) store<u8>(to + b, load<u8>(from + b));
      }
      to += <usize>bytes;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
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
