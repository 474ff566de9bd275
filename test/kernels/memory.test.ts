import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/memory.ts";
import { noise, overVariants } from "./harness.ts";

overVariants("memory", "run", bench => {
  test("copy_rows keeps strides apart", () => {
    bench.reset();
    const x = bench.input(Uint8Array.from({ length: 30 }, (_, i) => i));
    const y = bench.output(2 * 16 + 7);
    bench.run("copy_rows", { n: 3, x, xs: 10, y, ys: 16, bytes: 7 });
    for (let r = 0; r < 3; r++)
      expect([...bench.u8.subarray(y + 16 * r, y + 16 * r + 7)]).toEqual([0, 1, 2, 3, 4, 5, 6].map(b => 10 * r + b));
  });
  test("permute reads by index and writes zero for padding", () => {
    bench.reset();
    const x = bench.input(Float32Array.of(5, 6, 7));
    const index = bench.input(Int32Array.of(2, -1, 0, 1));
    const y = bench.output(16);
    bench.run("permute", { n: 4, x, y, index });
    expect([...bench.f32.subarray(y / 4, y / 4 + 4)]).toEqual([7, 0, 5, 6]);
  });
  for (const bytes of [1, 3, 4, 15, 16, 17, 35, 127, 128, 131])
    test(`copy_blocks: ${bytes} bytes a row, all strides apart`, () => {
      bench.reset();
      const [n, rows, xr, yr] = [2, 3, bytes + 2, bytes + 5];
      const [xs, ys] = [rows * xr + 7, rows * yr + 9];
      const data = Uint8Array.from({ length: n * xs }, (_, i) => (i * 7) & 255);
      const before = new Uint8Array(n * ys).fill(99);
      const x = bench.input(data);
      const y = bench.output(n * ys);
      bench.u8.set(before, y);
      bench.run("copy_blocks", { n, x, xs, y, ys, rows, xr, yr, bytes });
      const expected = before.slice();
      for (let i = 0; i < n; i++)
        for (let r = 0; r < rows; r++)
          for (let b = 0; b < bytes; b++) expected[i * ys + r * yr + b] = data[i * xs + r * xr + b]!;
      expect([...bench.u8.subarray(y, y + n * ys)]).toEqual([...expected]);
    });
});

overVariants("memory by index", "run", bench => {
  for (const bytes of [1, 2, 3, 4, 6, 15, 16, 17, 36])
    test(`copy_runs: runs of ${bytes} bytes, some of them filled`, () => {
      bench.reset();
      const index = Int32Array.of(2 * bytes, -1, 0, bytes, -1);
      const data = Uint8Array.from({ length: 2 * 3 * bytes + 5 }, (_, i) => (i * 5 + 1) & 255);
      const [xs, ys] = [3 * bytes + 5, index.length * bytes + 3];
      const x = bench.input(data);
      const y = bench.output(ys + index.length * bytes);
      // all bytes of the word are one, so that the twin may fill with bytes
      const args = { n: 2, x, xs, y, ys, runs: index.length, index: bench.input(index), bytes, fill: 0x5a5a5a5a };
      bench.run("copy_runs", args);
      for (let n = 0; n < 2; n++) {
        const expected = twin.copy_runs([...data.subarray(n * xs)], index, bytes, 0x5a);
        expect([...bench.u8.subarray(y + n * ys, y + n * ys + expected.length)]).toEqual(expected);
      }
    });
});

overVariants("memory by index", "train", bench => {
  test("f32_scatter_add adds in order, and nothing for padding", () => {
    bench.reset();
    const index = Int32Array.of(1, 0, -1, 1, 2, 1);
    const dy = noise(2 * 8, 3);
    const dx = noise(2 * 4, 4);
    const to = bench.output(2 * 16);
    bench.f32.set(dx, to / 4);
    const from = bench.input(dy);
    const args = { n: 2, dy: from, dys: 32, dx: to, dxs: 16, length: index.length, index: bench.input(index) };
    bench.run("f32_scatter_add", args);
    for (let n = 0; n < 2; n++) {
      const expected = dx.slice(4 * n, 4 * n + 4);
      twin.f32_scatter_add(dy.subarray(8 * n, 8 * n + index.length), expected, index);
      expect([...bench.f32.subarray(to / 4 + 4 * n, to / 4 + 4 * n + 4)]).toEqual([...expected]);
    }
  });
});
