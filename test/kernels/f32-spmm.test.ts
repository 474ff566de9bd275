import { test } from "vitest";
import { type Csr, f32_csr_spmm } from "../../src/kernels/reference/f32-spmm.ts";
import { noise, overVariants } from "./harness.ts";
import { expectGapsUntouched, expectSame, gathered, spread } from "./placing.ts";

/** A random matrix of `density`, its second row empty. */
function sparse(rows: number, k: number, density: number): Csr<Float32Array> {
  const values: number[] = [];
  const columns: number[] = [];
  const pointers = [0];
  const kept = noise(rows * k, 21);
  const value = noise(rows * k, 22);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < k; c++)
      if (r !== 1 && Math.abs(kept[r * k + c]!) < density) {
        values.push(value[r * k + c]!);
        columns.push(c);
      }
    pointers.push(values.length);
  }
  return { values: Float32Array.from(values), columns: Int32Array.from(columns), pointers: Int32Array.from(pointers) };
}

// the tile is one row by 16 columns; a single column takes 4 rows at once
const ROWS = [1, 3, 4, 5, 11];
const COLUMNS = [1, 2, 3, 4, 5, 15, 16, 17, 35];

overVariants("f32-spmm", "train", bench => {
  for (const density of [0, 0.1, 0.5, 1])
    test.each(ROWS.flatMap(rows => COLUMNS.map(n => [rows, n])))(`f32_csr_spmm %i x %i at ${density}`, (rows, n) => {
      bench.reset();
      const k = 37;
      const s = sparse(rows, k, density);
      const b = noise(k * n, 5);
      const bias = noise(rows, 6);
      const [ldb, ldy] = [n + 3, n + 2];
      const y = bench.output((rows * ldy - 2) * 4);
      bench.run("f32_csr_spmm", {
        rows,
        n,
        values: bench.input(s.values),
        columns: bench.input(s.columns),
        pointers: bench.input(s.pointers),
        b: bench.input(spread(b, k, ldb)),
        ldb: ldb * 4,
        bias: bench.input(bias),
        y,
        ldy: ldy * 4,
      });
      expectSame(bench, gathered(bench, y, rows, n, ldy), f32_csr_spmm(s, n, b, bias));
      expectGapsUntouched(bench, y, rows - 1, n, ldy);
    });
});
