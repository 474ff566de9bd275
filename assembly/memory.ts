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
