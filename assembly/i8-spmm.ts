// Sparse (CSR) times dense, int8 into int32.

export function i8_csr_spmm(rows: i32, n: i32, values: usize, columns: usize, pointers: usize, b: usize, ldb: i32, bias: usize, y: usize, ldy: i32): void {
  for (let r = 0; r < rows; r++) {
    const from = load<i32>(pointers + (<usize>r << 2)), to = load<i32>(pointers + (<usize>r << 2), 4);
    for (let j = 0; j < n; j++) {
      let sum = load<i32>(bias + (<usize>r << 2));
      for (let i = from; i < to; i++)
        sum += <i32>load<i8>(values + <usize>i) * <i32>load<i8>(b + <usize>load<i32>(columns + (<usize>i << 2)) * <usize>ldb + <usize>j);
      store<i32>(y + (<usize>j << 2), sum);
    }
    y += <usize>ldy;
  }
}
