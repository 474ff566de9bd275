// Bilinear interpolation of f32 images. `rows` and `columns` hold, for each row and column of the output, the byte
// offsets of its two neighbours and the share of the second:
//
//   left ---- right share ---- right        first along rows, then between them

export function f32_resize_bilinear(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, oh: i32, ow: i32, c: i32, rows: usize, columns: usize,
): void {
  for (; n > 0; n--) {
    let o = y, row = rows;
    for (let r = oh; r > 0; r--) {
      const top = x + load<usize>(row), bottom = x + load<usize>(row, 4), down = load<f32>(row, 8);
      const downs = f32x4.splat(down);
      let column = columns;
      for (let k = ow; k > 0; k--) {
        const left = load<usize>(column), right = load<usize>(column, 4), share = load<f32>(column, 8);
        const shares = f32x4.splat(share);
        let p: usize = 0, rest = c;
        for (; rest >= 4; rest -= 4) {
          const tl = v128.load(top + left + p), bl = v128.load(bottom + left + p);
          const t = f32x4.add(tl, f32x4.mul(f32x4.sub(v128.load(top + right + p), tl), shares));
          const b = f32x4.add(bl, f32x4.mul(f32x4.sub(v128.load(bottom + right + p), bl), shares));
          v128.store(o + p, f32x4.add(t, f32x4.mul(f32x4.sub(b, t), downs)));
          p += 16;
        }
        for (; rest > 0; rest--) {
          const tl = load<f32>(top + left + p), bl = load<f32>(bottom + left + p);
          const t = tl + (load<f32>(top + right + p) - tl) * share;
          const b = bl + (load<f32>(bottom + right + p) - bl) * share;
          store<f32>(o + p, t + (b - t) * down);
          p += 4;
        }
        o += p;
        column += 12;
      }
      row += 12;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

@inline function give(to: usize, d: f32): void {
  store<f32>(to, load<f32>(to) + d);
}

/** Adds to dx, in order of the elements of dy. */
export function f32_resize_bilinear_gradient(
  n: i32, dy: usize, dys: i32, dx: usize, dxs: i32, oh: i32, ow: i32, c: i32, rows: usize, columns: usize,
): void {
  for (; n > 0; n--) {
    let from = dy, row = rows;
    for (let r = oh; r > 0; r--) {
      const top = dx + load<usize>(row), bottom = dx + load<usize>(row, 4), down = load<f32>(row, 8);
      let column = columns;
      for (let k = ow; k > 0; k--) {
        const left = load<usize>(column), right = load<usize>(column, 4), share = load<f32>(column, 8);
        for (let p: usize = 0; p < <usize>c << 2; p += 4) {
          const d = load<f32>(from + p), l = d * (1 - share), r = d * share;
          give(top + left + p, l * (1 - down));
          give(top + right + p, r * (1 - down));
          give(bottom + left + p, l * down);
          give(bottom + right + p, r * down);
        }
        from += <usize>c << 2;
        column += 12;
      }
      row += 12;
    }
    dy += <usize>dys;
    dx += <usize>dxs;
  }
}
