// Sparse (CSR) times dense, int8 into int32. Lanes are columns of the dense matrix. Two non-zeros are taken at once:
// with weights in -127..127 the sum of their products fits 16 bits (2 * 127 * 128 = 32512), so that only every second
// product is widened to 32 bits.

@inline function word(p: usize, i: i32): i32 {
  return load<i32>(p + (<usize>i << 2));
}

/** The low (high) four of eight 16-bit sums, added to `s`. */
@inline function addLow(s: v128, v: v128): v128 {
  return i32x4.add(s, i32x4.extend_low_i16x8_s(v));
}
@inline function addHigh(s: v128, v: v128): v128 {
  return i32x4.add(s, i32x4.extend_high_i16x8_s(v));
}

@inline function oneRow(
  n: i32, from: i32, to: i32, values: usize, columns: usize, b: usize, ldb: usize, start: i32, y: usize,
): void {
  let j = 0;
  for (; j + 16 <= n; j += 16) {
    let s0 = i32x4.splat(start), s1 = s0, s2 = s0, s3 = s0, i = from;
    for (; i + 2 <= to; i += 2) {
      const v = i8x16.splat(load<i8>(values + <usize>i)), w = i8x16.splat(load<i8>(values + <usize>i, 1));
      const p = v128.load(b + <usize>word(columns, i) * ldb), q = v128.load(b + <usize>word(columns, i + 1) * ldb);
      const low = i16x8.add(i16x8.extmul_low_i8x16_s(v, p), i16x8.extmul_low_i8x16_s(w, q));
      const high = i16x8.add(i16x8.extmul_high_i8x16_s(v, p), i16x8.extmul_high_i8x16_s(w, q));
      s0 = addLow(s0, low);
      s1 = addHigh(s1, low);
      s2 = addLow(s2, high);
      s3 = addHigh(s3, high);
    }
    if (i < to) {
      const v = i8x16.splat(load<i8>(values + <usize>i)), p = v128.load(b + <usize>word(columns, i) * ldb);
      const low = i16x8.extmul_low_i8x16_s(v, p), high = i16x8.extmul_high_i8x16_s(v, p);
      s0 = addLow(s0, low);
      s1 = addHigh(s1, low);
      s2 = addLow(s2, high);
      s3 = addHigh(s3, high);
    }
    v128.store(y, s0);
    v128.store(y, s1, 16);
    v128.store(y, s2, 32);
    v128.store(y, s3, 48);
    y += 64;
    b += 16;
  }
  for (; j + 8 <= n; j += 8) {
    let s0 = i32x4.splat(start), s1 = s0;
    for (let i = from; i < to; i++) {
      const products = i16x8.mul(
        i16x8.splat(<i16>load<i8>(values + <usize>i)), v128.load8x8_s(b + <usize>word(columns, i) * ldb),
      );
      s0 = addLow(s0, products);
      s1 = addHigh(s1, products);
    }
    v128.store(y, s0);
    v128.store(y, s1, 16);
    y += 32;
    b += 8;
  }
  for (; j < n; j++) {
    let s = start;
    for (let i = from; i < to; i++) s += <i32>load<i8>(values + <usize>i) * <i32>load<i8>(
      b + <usize>word(columns, i) * ldb,
    );
    store<i32>(y, s);
    y += 4;
    b += 1;
  }
}

export function i8_csr_spmm(
  rows: i32, n: i32, values: usize, columns: usize, pointers: usize, b: usize, ldb: i32, bias: usize, y: usize,
  ldy: i32,
): void {
  for (let r = 0; r < rows; r++) {
    oneRow(n, word(pointers, r), word(pointers, r + 1), values, columns, b, ldb, word(bias, r), y);
    y += <usize>ldy;
  }
}
