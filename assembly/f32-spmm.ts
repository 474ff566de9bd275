// Sparse (CSR) times dense, f32.

export function f32_csr_spmm(rows: i32, n: i32, values: usize, columns: usize, pointers: usize, b: usize, ldb: i32, bias: usize, y: usize, ldy: i32): void {
  for (let r = 0; r < rows; r++) {
    const from = load<i32>(pointers + (<usize>r << 2)), to = load<i32>(pointers + (<usize>r << 2), 4);
    for (let j = 0; j < n; j++) {
      let sum = load<f32>(bias + (<usize>r << 2));
      for (let i = from; i < to; i++)
        sum += load<f32>(values + (<usize>i << 2)) * load<f32>(b + <usize>load<i32>(columns + (<usize>i << 2)) * <usize>ldb + (<usize>j << 2));
      store<f32>(y + (<usize>j << 2), sum);
    }
    y += <usize>ldy;
  }
}
