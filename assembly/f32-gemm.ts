// f32 matrix products on weights in panels of 8 columns, [n/8][k][8].
import { firstLanes, madd, storeEight, storeTransposed } from "./simd";

/** The modes of table/f32-gemm.ts. */
export const BIAS_RELU = 1;
export const MASK = 2;

/** Applies `mode` to a sum; `aux` is the bias (odd modes) or the mask. */
@inline export function finish(sum: v128, mode: i32, aux: v128): v128 {
  if (mode == 0) return sum;
  if (mode == MASK) return v128.and(sum, f32x4.gt(aux, f32x4.splat(0)));
  sum = f32x4.add(sum, aux);
  return mode == BIAS_RELU ? f32x4.pmax(sum, f32x4.splat(0)) : sum;
}

/**
 * Rows of one pass over the panels: 64 rows of some hundred floats stay in the second-level cache, while each panel
 * stays in the first.
 */
const ROWS_PER_PASS = 64;

/** The bias of the eight columns that begin with `column`, for modes that have one. */
@inline export function biasLow(mode: i32, aux: usize, column: i32): v128 {
  return mode & 1 ? v128.load(aux + (<usize>column << 2)) : f32x4.splat(0);
}
@inline export function biasHigh(mode: i32, aux: usize, column: i32): v128 {
  return mode & 1 ? v128.load(aux + (<usize>column << 2), 16) : f32x4.splat(0);
}

/** Finishes and stores eight sums at c; `mask`: the address of the mask of c, for the mode that masks. */
@inline export function storeSums(
  c: usize, low: v128, high: v128, mode: i32, biasLow: v128, biasHigh: v128, mask: usize, count: i32,
): void {
  if (mode == MASK) {
    low = finish(low, MASK, v128.load(mask));
    high = finish(high, MASK, v128.load(mask, 16));
  } else if (mode) {
    low = finish(low, mode, biasLow);
    high = finish(high, mode, biasHigh);
  }
  storeEight(c, low, high, count);
}

/**
 * Computes one row by 32 columns, for the product of a single vector, which is bound by reading w. `panel`: bytes from
 * panel to panel.
 */
@inline function oneRowWide(
  k: i32, a: usize, w: usize, panel: usize, c: usize, mode: i32, aux: usize, mask: usize, column: i32, n: i32,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  const end = w + panel;
  if (k > 0) do {
    const x = v128.load32_splat(a);
    let p = w;
    c00 = madd(x, v128.load(p), c00);
    c01 = madd(x, v128.load(p, 16), c01);
    p += panel;
    c10 = madd(x, v128.load(p), c10);
    c11 = madd(x, v128.load(p, 16), c11);
    // Never taken. Without a branch, V8 11 and 12 do all eight loads before the sums and spill (measured: 45 % faster
    // with it; no change on V8 13)
    if (!w) break;
    p += panel;
    c20 = madd(x, v128.load(p), c20);
    c21 = madd(x, v128.load(p, 16), c21);
    p += panel;
    c30 = madd(x, v128.load(p), c30);
    c31 = madd(x, v128.load(p, 16), c31);
    a += 4;
  } while ((w += 32) < end);
  storeSums(c, c00, c01, mode, biasLow(mode, aux, column), biasHigh(mode, aux, column), mask, n);
  storeSums(c + 32, c10, c11, mode, biasLow(mode, aux, column + 8), biasHigh(mode, aux, column + 8), mask + 32, n - 8);
  storeSums(
    c + 64, c20, c21, mode, biasLow(mode, aux, column + 16), biasHigh(mode, aux, column + 16), mask + 64, n - 16,
  );
  storeSums(
    c + 96, c30, c31, mode, biasLow(mode, aux, column + 24), biasHigh(mode, aux, column + 24), mask + 96, n - 24,
  );
}

/** Computes one row by eight columns. */
@inline function oneRow(
  k: i32, a: usize, w: usize, c: usize, mode: i32, bias0: v128, bias1: v128, mask: usize, count: i32,
): void {
  let c0 = f32x4.splat(0), c1 = c0;
  if (k > 0) do {
    const x = v128.load32_splat(a);
    c0 = madd(x, v128.load(w), c0);
    c1 = madd(x, v128.load(w, 16), c1);
    a += 4;
    w += 32;
  } while (--k > 0);
  storeSums(c, c0, c1, mode, bias0, bias1, mask, count);
}

/** Computes one row of c. */
export function vectorProduct(n: i32, k: i32, a: usize, w: usize, c: usize, mode: i32, aux: usize, mask: usize): void {
  const panel = <usize>k << 5;
  let column = 0;
  // with three whole panels and a part of one, the fourth is there
  for (; n - column > 24; column += 32) {
    oneRowWide(k, a, w, panel, c, mode, aux, mask, column, n - column);
    w += 4 * panel;
    c += 128;
    mask += 128;
  }
  for (; column < n; column += 8) {
    oneRow(k, a, w, c, mode, biasLow(mode, aux, column), biasHigh(mode, aux, column), mask, n - column);
    w += panel;
    c += 32;
    mask += 32;
  }
}

/** Packs four rows of a as [k][row]. */
function packRows(k: i32, a: usize, lda: usize, y: usize): void {
  const a1 = a + lda, a2 = a1 + lda, a3 = a2 + lda;
  let i: usize = 0;
  const whole = <usize>(k & -4) << 2, all = <usize>k << 2;
  for (; i < whole; i += 16) {
    storeTransposed(
      y, y + 16, y + 32, y + 48, v128.load(a + i), v128.load(a1 + i), v128.load(a2 + i), v128.load(a3 + i),
    );
    y += 64;
  }
  for (; i < all; i += 4) {
    store<f32>(y, load<f32>(a + i));
    store<f32>(y, load<f32>(a1 + i), 4);
    store<f32>(y, load<f32>(a2 + i), 8);
    store<f32>(y, load<f32>(a3 + i), 12);
    y += 16;
  }
}

/**
 * Computes four packed rows by eight columns: 8 sums, 2 vectors of w and 1 of a take 11 of the 15 registers. Measured
 * on V8: a fifth row gains nothing on V8 13, and halves the speed on V8 11 and 12, which spill; unrolling over k spills
 * too; a `for` loop, which jumps twice a turn, costs 10 %. Unpacked rows, with a pointer each, are 25 % slower, since
 * updating pointers takes the rest of a cycle.
 */
@inline function fourRows(
  k: i32, a: usize, w: usize, c: usize, ldc: usize, mode: i32, bias0: v128, bias1: v128, mask: usize, count: i32,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  const end = w + (<usize>k << 5);
  if (k > 0) do {
    const w0 = v128.load(w), w1 = v128.load(w, 16);
    let x = v128.load32_splat(a);
    c00 = madd(x, w0, c00);
    c01 = madd(x, w1, c01);
    x = v128.load32_splat(a, 4);
    c10 = madd(x, w0, c10);
    c11 = madd(x, w1, c11);
    x = v128.load32_splat(a, 8);
    c20 = madd(x, w0, c20);
    c21 = madd(x, w1, c21);
    x = v128.load32_splat(a, 12);
    c30 = madd(x, w0, c30);
    c31 = madd(x, w1, c31);
    a += 16;
    // no counter beside `w`: saves 5 % of an iteration (measured)
  } while ((w += 32) < end);
  storeSums(c, c00, c01, mode, bias0, bias1, mask, count);
  storeSums(c + ldc, c10, c11, mode, bias0, bias1, mask + ldc, count);
  storeSums(c + 2 * ldc, c20, c21, mode, bias0, bias1, mask + 2 * ldc, count);
  storeSums(c + 3 * ldc, c30, c31, mode, bias0, bias1, mask + 3 * ldc, count);
}

export function f32_gemm(
  m: i32, n: i32, k: i32, a: usize, lda: i32, weight: usize, c: usize, ldc: i32, mode: i32, aux: usize, scratch: usize,
): void {
  if (m < 4) {
    for (let mask = aux; m > 0; m--) {
      vectorProduct(n, k, a, weight, c, mode, aux, mask);
      a += <usize>lda;
      c += <usize>ldc;
      mask += <usize>ldc;
    }
    return;
  }
  const tile = <usize>k << 4, lastTile = m - 4;
  for (let from = 0; from < m; from += ROWS_PER_PASS) {
    const to = min(from + ROWS_PER_PASS, m);
    let packed = scratch;
    for (let i = from; i < to; i += 4) {
      // the last rows overlap those before: the same numbers are stored twice
      packRows(k, a + <usize>min(i, lastTile) * <usize>lda, <usize>lda, packed);
      packed += tile;
    }
    let panel = weight;
    for (let column = 0; column < n; column += 8) {
      const bias0 = biasLow(mode, aux, column), bias1 = biasHigh(mode, aux, column);
      packed = scratch;
      for (let i = from; i < to; i += 4) {
        const at = <usize>min(i, lastTile) * <usize>ldc + (<usize>column << 2);
        fourRows(k, packed, panel, c + at, <usize>ldc, mode, bias0, bias1, aux + at, n - column);
        packed += tile;
      }
      panel += <usize>k << 5;
    }
  }
}

/**
 * dw: a tile of four rows of k by eight outputs stays in registers in the loop over m; x is not transposed, since its k
 * are contiguous.
 */
export function f32_gemm_weight_gradient(
  m: i32, n: i32, k: i32, x: usize, ldx: i32, dy: usize, lddy: i32, dw: usize, db: usize, accumulate: i32,
): void {
  for (let column = 0; column < n; column += 8) {
    const there0 = firstLanes(n - column), there1 = firstLanes(n - column - 4);
    const from = dy + (<usize>column << 2);
    let b0 = f32x4.splat(0), b1 = b0;
    if (accumulate) {
      b0 = v128.load(db);
      b1 = v128.load(db, 16);
    }
    let d = from;
    for (let i = 0; i < m; i++) {
      b0 = f32x4.add(b0, v128.load(d));
      b1 = f32x4.add(b1, v128.load(d, 16));
      d += <usize>lddy;
    }
    v128.store(db, v128.and(b0, there0));
    v128.store(db, v128.and(b1, there1), 16);
    db += 32;
    for (let row = 0; row < k; row += 4) {
      const rows = min(4, k - row);
      let x0 = x + (<usize>row << 2), d = from;
      // Rows beyond k are clamped to the last row; their sums are computed but not stored.
      const o1: usize = rows > 1 ? 4 : 0, o2: usize = rows > 2 ? 8 : 0, o3: usize = rows > 3 ? 12 : 0;
      let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
      if (accumulate) {
        c00 = v128.load(dw);
        c01 = v128.load(dw, 16);
        if (rows > 1) {
          c10 = v128.load(dw, 32);
          c11 = v128.load(dw, 48);
        }
        if (rows > 2) {
          c20 = v128.load(dw, 64);
          c21 = v128.load(dw, 80);
        }
        if (rows > 3) {
          c30 = v128.load(dw, 96);
          c31 = v128.load(dw, 112);
        }
      }
      let i = m;
      if (i > 0) do {
        const d0 = v128.load(d), d1 = v128.load(d, 16);
        let v = v128.load32_splat(x0);
        c00 = madd(v, d0, c00);
        c01 = madd(v, d1, c01);
        v = v128.load32_splat(x0 + o1);
        c10 = madd(v, d0, c10);
        c11 = madd(v, d1, c11);
        v = v128.load32_splat(x0 + o2);
        c20 = madd(v, d0, c20);
        c21 = madd(v, d1, c21);
        v = v128.load32_splat(x0 + o3);
        c30 = madd(v, d0, c30);
        c31 = madd(v, d1, c31);
        d += <usize>lddy;
        x0 += <usize>ldx;
      } while (--i > 0);
      v128.store(dw, v128.and(c00, there0));
      v128.store(dw, v128.and(c01, there1), 16);
      if (rows > 1) {
        v128.store(dw, v128.and(c10, there0), 32);
        v128.store(dw, v128.and(c11, there1), 48);
      }
      if (rows > 2) {
        v128.store(dw, v128.and(c20, there0), 64);
        v128.store(dw, v128.and(c21, there1), 80);
      }
      if (rows > 3) {
        v128.store(dw, v128.and(c30, there0), 96);
        v128.store(dw, v128.and(c31, there1), 112);
      }
      dw += <usize>rows << 5;
    }
  }
}

export function f32_transpose_panels(n: i32, k: i32, x: usize, y: usize): void {
  const panelOfY = <usize>n << 5;
  if (k & 7) memory.fill(y + <usize>(k >> 3) * panelOfY, 0, panelOfY);
  for (let o = 0; o < n; o += 4) {
    const outputs = min(4, n - o);
    let from = x + (<usize>(o >> 3) * <usize>k << 5) + (<usize>(o & 4) << 2);
    for (let i = 0; i < k; i += 4) {
      const rows = min(4, k - i);
      const to = y + <usize>(i >> 3) * panelOfY + (<usize>o << 5) + (<usize>(i & 4) << 2);
      if (rows == 4 && outputs == 4) {
        const a = v128.load(from), b = v128.load(from, 32), c = v128.load(from, 64), d = v128.load(from, 96);
        storeTransposed(to, to + 32, to + 64, to + 96, a, b, c, d);
      } else
        for (let r = 0; r < rows; r++)
          for (let j = 0; j < outputs; j++) store<f32>(
            to + (<usize>j << 5) + (<usize>r << 2), load<f32>(from + (<usize>r << 5) + (<usize>j << 2)),
          );
      from += 128;
    }
  }
}

export function f32_pack_panels(n: i32, k: i32, x: usize, xn: i32, xk: i32, y: usize): void {
  for (let o = 0; o < n; o += 8) {
    const outputs = min(8, n - o);
    let from = x + <usize>o * <usize>xn;
    if (outputs < 8) memory.fill(y, 0, <usize>k << 5);
    if (outputs == 8 && xn == 4) {
      // outputs are contiguous
      for (let i = 0; i < k; i++) {
        v128.store(y, v128.load(from));
        v128.store(y, v128.load(from, 16), 16);
        from += <usize>xk;
        y += 32;
      }
      continue;
    }
    let i = 0;
    if (outputs == 8 && xk == 4)
      // the rows of an output are contiguous
      for (; i + 4 <= k; i += 4) {
        let p = from;
        for (let half: usize = 0; half < 32; half += 16) {
          const step = <usize>xn;
          const a = v128.load(p), b = v128.load(p + step), c = v128.load(p + 2 * step), d = v128.load(p + 3 * step);
          const to = y + half;
          storeTransposed(to, to + 32, to + 64, to + 96, a, b, c, d);
          p += 4 * step;
        }
        from += 16;
        y += 128;
      }
    for (; i < k; i++) {
      for (let j = 0; j < outputs; j++) store<f32>(y + (<usize>j << 2), load<f32>(from + <usize>j * <usize>xn));
      from += <usize>xk;
      y += 32;
    }
  }
}
