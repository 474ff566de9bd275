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
