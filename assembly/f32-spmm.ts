// Sparse (CSR) times dense, f32. Lanes are columns of the dense matrix: no gathers, each non-zero is spread over its
// row of b. For a single column, four sums of four rows are interleaved, since one alone would wait for each addition.
import { madd } from "./simd";

@inline function word(p: usize, i: i32): i32 {
  return load<i32>(p + (<usize>i << 2));
}
@inline function value(p: usize, i: i32): f32 {
  return load<f32>(p + (<usize>i << 2));
}

/** Computes columns 0 .. n - 1 of one row. */
@inline function manyColumns(
  n: i32, from: i32, to: i32, values: usize, columns: usize, b: usize, ldb: usize, start: f32, y: usize,
): void {
  let j = 0;
  for (; j + 16 <= n; j += 16) {
    let s0 = f32x4.splat(start), s1 = s0, s2 = s0, s3 = s0;
    for (let i = from; i < to; i++) {
      const v = v128.load32_splat(values + (<usize>i << 2)), p = b + <usize>word(columns, i) * ldb;
      s0 = madd(v, v128.load(p), s0);
      s1 = madd(v, v128.load(p, 16), s1);
      s2 = madd(v, v128.load(p, 32), s2);
      s3 = madd(v, v128.load(p, 48), s3);
    }
    v128.store(y, s0);
    v128.store(y, s1, 16);
    v128.store(y, s2, 32);
    v128.store(y, s3, 48);
    y += 64;
    b += 64;
  }
  for (; j + 4 <= n; j += 4) {
    let s = f32x4.splat(start);
    for (let i = from; i < to; i++) s = madd(
      v128.load32_splat(values + (<usize>i << 2)), v128.load(b + <usize>word(columns, i) * ldb), s,
    );
    v128.store(y, s);
    y += 16;
    b += 16;
  }
  for (; j < n; j++) {
    let s = start;
    for (let i = from; i < to; i++) s += value(values, i) * load<f32>(b + <usize>word(columns, i) * ldb);
    store<f32>(y, s);
    y += 4;
    b += 4;
  }
}

/** s plus the products from .. to - 1 with a single column. */
@inline function oneColumn(from: i32, to: i32, values: usize, columns: usize, b: usize, ldb: usize, s: f32): f32 {
  for (; from < to; from++) s += value(values, from) * load<f32>(b + <usize>word(columns, from) * ldb);
  return s;
}

/**
 * Multiplies rows r .. r + 3 by a single column: together up to the length of the shortest row, then one after the
 * other.
 */
@inline function fourRows(
  r: i32, values: usize, columns: usize, pointers: usize, b: usize, ldb: usize, bias: usize, y: usize, ldy: usize,
): void {
  let i0 = word(pointers, r), i1 = word(pointers, r + 1), i2 = word(pointers, r + 2), i3 = word(pointers, r + 3);
  const e0 = i1, e1 = i2, e2 = i3, e3 = word(pointers, r + 4);
  let s0 = value(bias, r), s1 = value(bias, r + 1), s2 = value(bias, r + 2), s3 = value(bias, r + 3);
  for (let steps = min(min(e0 - i0, e1 - i1), min(e2 - i2, e3 - i3)); steps > 0; steps--) {
    s0 += value(values, i0) * load<f32>(b + <usize>word(columns, i0) * ldb);
    s1 += value(values, i1) * load<f32>(b + <usize>word(columns, i1) * ldb);
    s2 += value(values, i2) * load<f32>(b + <usize>word(columns, i2) * ldb);
    s3 += value(values, i3) * load<f32>(b + <usize>word(columns, i3) * ldb);
    i0++;
    i1++;
    i2++;
    i3++;
  }
  store<f32>(y, oneColumn(i0, e0, values, columns, b, ldb, s0));
  store<f32>(y + ldy, oneColumn(i1, e1, values, columns, b, ldb, s1));
  store<f32>(y + 2 * ldy, oneColumn(i2, e2, values, columns, b, ldb, s2));
  store<f32>(y + 3 * ldy, oneColumn(i3, e3, values, columns, b, ldb, s3));
}

export function f32_csr_spmm(
  rows: i32, n: i32, values: usize, columns: usize, pointers: usize, b: usize, ldb: i32, bias: usize, y: usize,
  ldy: i32,
): void {
  let r = 0;
  if (n == 1)
    for (; r + 4 <= rows; r += 4) {
      fourRows(r, values, columns, pointers, b, ldb, bias, y, ldy);
      y += <usize>(4 * ldy);
    }
  for (; r < rows; r++) {
    manyColumns(n, word(pointers, r), word(pointers, r + 1), values, columns, b, ldb, value(bias, r), y);
    y += <usize>ldy;
  }
}
