import { describe, expect, test } from "vitest";
import { panels, panelsTransposed } from "../../src/kernels/layout.ts";
import * as twin from "../../src/kernels/reference/f32-gemm.ts";
import { gemmScratch, MODE } from "../../src/kernels/table/f32-gemm.ts";
import { noise, overVariants } from "./harness.ts";
import { expectGapsUntouched, expectSame, gathered, spread, stored } from "./placing.ts";

// the tile is 4 rows by 8 columns; a single row takes 32 columns at once; rows are in blocks of 64
const ROWS = [1, 3, 4, 5, 11, 67];
const COLUMNS = [1, 7, 8, 9, 19, 35, 67];
const DEPTHS = [1, 3, 8, 37, 257];
const MODES = Object.entries(MODE);

const sizes: [m: number, n: number, k: number][] = [];
ROWS.forEach((m, i) => {
  for (const n of COLUMNS) sizes.push([m, n, DEPTHS[(i + n) % DEPTHS.length]!]);
});

overVariants("f32-gemm", "run", bench => {
  describe.each(MODES)("mode %s", (_, mode) => {
    test.each(sizes)("f32_gemm %i x %i x %i", (m, n, k) => {
      bench.reset();
      const a = noise(m * k, 3);
      const w = noise(n * k, 4);
      const aux = noise(mode === MODE.mask ? m * n : n, 5);
      const [lda, ldc] = [k + 3, n + 5];
      const c = bench.output((m * ldc - 5) * 4);
      bench.run("f32_gemm", {
        m,
        n,
        k,
        a: bench.input(spread(a, m, lda)),
        lda: lda * 4,
        weight: bench.input(stored(panels, [n, k], w)),
        c,
        ldc: ldc * 4,
        mode,
        aux: bench.input(mode === MODE.mask ? spread(aux, m, ldc) : aux),
        scratch: bench.output(gemmScratch(k, m)),
      });
      expectSame(bench, gathered(bench, c, m, n, ldc), twin.f32_gemm({ m, n, k, mode }, a, w, aux));
      expectGapsUntouched(bench, c, m - 1, n, ldc);
    });
  });
});

overVariants("f32-gemm", "train", bench => {
  test.each(sizes)("f32_transpose_panels of %i x %i x %i", (_, n, k) => {
    bench.reset();
    const w = noise(n * k);
    const y = bench.output(panelsTransposed.bytes([n, k], "f32"));
    bench.run("f32_transpose_panels", { n, k, x: bench.input(stored(panels, [n, k], w)), y });
    const wanted = stored(panelsTransposed, [n, k], w);
    expect(bench.f32.slice(y / 4, y / 4 + wanted.length)).toEqual(wanted);
  });

  test.each(sizes)("f32_pack_panels of %i x %i x %i", (_, n, k) => {
    bench.reset();
    const w = noise(n * k);
    const turned = Float32Array.from({ length: n * k }, (_, i) => w[(i % n) * k + Math.floor(i / n)]!);
    const wanted = stored(panels, [n, k], w);
    const y = bench.output(wanted.length * 4);
    bench.run("f32_pack_panels", { n, k, x: bench.input(spread(w, n, k + 3)), xn: (k + 3) * 4, xk: 4, y });
    expect(bench.f32.slice(y / 4, y / 4 + wanted.length)).toEqual(wanted);
    bench.run("f32_pack_panels", { n, k, x: bench.input(spread(turned, k, n + 1)), xn: 4, xk: (n + 1) * 4, y });
    expect(bench.f32.slice(y / 4, y / 4 + wanted.length)).toEqual(wanted);
  });

  test.each(sizes)("f32_gemm_weight_gradient %i x %i x %i", (m, n, k) => {
    bench.reset();
    const padded = Math.ceil(n / 8) * 8;
    const x = noise(m * k, 3);
    const dy = noise(m * n, 4);
    const [ldx, lddy] = [k + 1, n + 3];
    const dw = bench.output(panels.bytes([n, k], "f32"));
    const db = bench.output(padded * 4);
    const args = {
      n,
      k,
      ldx: ldx * 4,
      lddy: lddy * 4,
      dw,
      db,
    };
    const wantedW = new Float32Array(n * k);
    const wantedB = new Float32Array(n);
    const [xAt, gyAt] = [bench.input(spread(x, m, ldx)), bench.input(spread(dy, m, lddy))];
    const check = () => {
      const wanted = stored(panels, [n, k], wantedW);
      expectSame(bench, bench.f32.slice(dw / 4, dw / 4 + wanted.length), wanted);
      expectSame(bench, bench.f32.slice(db / 4, db / 4 + padded), stored(panels, [n, 1], wantedB));
    };
    bench.run("f32_gemm_weight_gradient", { ...args, m, x: xAt, dy: gyAt, accumulate: 0 });
    twin.f32_gemm_weight_gradient({ m, n, k }, x, dy, wantedW, wantedB);
    check();
    // in two parts the bits are those of one sum
    const half = m >> 1;
    bench.run("f32_gemm_weight_gradient", { ...args, m: half, x: xAt, dy: gyAt, accumulate: 1 });
    bench.run("f32_gemm_weight_gradient", {
      ...args,
      m: m - half,
      x: xAt + half * ldx * 4,
      dy: gyAt + half * lddy * 4,
      accumulate: 1,
    });
    twin.f32_gemm_weight_gradient({ m, n, k }, x, dy, wantedW, wantedB);
    check();
  });
});
