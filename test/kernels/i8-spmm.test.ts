import { expect, test } from "vitest";
import type { Csr } from "../../src/kernels/reference/f32-spmm.ts";
import { i8_csr_spmm } from "../../src/kernels/reference/i8-spmm.ts";
import { noise, overVariants } from "./harness.ts";

/** A random matrix of `density` with values in -127..127, the extremes often, its second row empty. */
function sparse(rows: number, k: number, density: number): Csr<Int8Array> {
  const values: number[] = [];
  const columns: number[] = [];
  const pointers = [0];
  const kept = noise(rows * k, 21);
  const value = noise(rows * k, 22);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < k; c++)
      if (r !== 1 && Math.abs(kept[r * k + c]!) < density) {
        values.push(Math.max(-127, Math.min(127, Math.round(value[r * k + c]! * 200))));
        columns.push(c);
      }
    pointers.push(values.length);
  }
  return { values: Int8Array.from(values), columns: Int32Array.from(columns), pointers: Int32Array.from(pointers) };
}

// the tile is one row by 16 columns, two non-zeros at once
const ROWS = [1, 3, 5];
const COLUMNS = [1, 2, 7, 8, 15, 16, 17, 35];

overVariants("i8-spmm", "train", bench => {
  for (const density of [0, 0.1, 0.5, 1])
    test.each(ROWS.flatMap(rows => COLUMNS.map(n => [rows, n])))(`i8_csr_spmm %i x %i at ${density}`, (rows, n) => {
      bench.reset();
      const k = 37;
      const s = sparse(rows, k, density);
      const ldb = n + 3;
      const ldy = n + 2;
      const padded = Int8Array.from(noise(k * ldb, 5), v => Math.max(-128, Math.min(127, Math.round(v * 200))));
      const b = new Int8Array(k * n);
      for (let c = 0; c < k; c++) b.set(padded.subarray(c * ldb, c * ldb + n), c * n);
      const bias = Int32Array.from(noise(rows, 6), v => Math.round(v * 1e6));
      const y = bench.output((rows * ldy - 2) * 4);
      bench.run("i8_csr_spmm", {
        rows,
        n,
        values: bench.input(s.values),
        columns: bench.input(s.columns),
        pointers: bench.input(s.pointers),
        b: bench.input(padded),
        ldb,
        bias: bench.input(bias),
        y,
        ldy: ldy * 4,
      });
      const wanted = i8_csr_spmm(s, n, b, bias);
      for (let r = 0; r < rows; r++) {
        const got = bench.i32.subarray(y / 4 + r * ldy, y / 4 + r * ldy + n);
        expect([...got]).toEqual([...wanted.subarray(r * n, (r + 1) * n)]);
        if (r < rows - 1) expect(bench.u32[y / 4 + r * ldy + n]).toBe(bench.poison);
      }
    });
});
