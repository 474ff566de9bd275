import { expect, test } from "vitest";
import { NO_HALO, storedBytes } from "../../src/kernels/i8/stored.ts";
import * as twin from "../../src/kernels/reference/i8-resize.ts";
import { overVariants } from "./harness.ts";
import { bytes, fromStored, storedImages } from "./i8.ts";

/** [first, second, weight in 1/2048] of each output. */
const ROWS = [
  [0, 1, 0],
  [0, 1, 512],
  [1, 2, 2047],
  [2, 2, 1024],
] as const;
const COLUMNS = [
  [1, 0, 2048],
  [0, 1, 1],
  [1, 1, 700],
] as const;

overVariants("i8-resize", "run", bench => {
  test.each([1, 7, 8, 9, 19])("bilinear, %i channels", channels => {
    bench.reset();
    const [h, w] = [3, 2];
    const size = storedBytes(bench.variant);
    const images = [5, 6].map(seed => bytes(h * w * channels, seed, bench, false));
    const xs = h * w * channels * size + 12;
    const shape = [ROWS.length, COLUMNS.length, channels];
    const length = ROWS.length * COLUMNS.length * channels * size;
    const ys = length + 4;
    const table = (list: readonly (readonly [number, number, number])[], pitch: number) =>
      bench.input(Int32Array.from(list.flatMap(([a, b, share]) => [a * pitch, b * pitch, share])));
    const args = {
      n: 2,
      x: bench.input(storedImages(bench, images, [h, w, channels], NO_HALO, 0, xs)),
      xs,
      y: bench.output(ys + length),
      ys,
      oh: ROWS.length,
      ow: COLUMNS.length,
      c: channels,
      rows: table(ROWS, w * channels * size),
      columns: table(COLUMNS, channels * size),
    };
    bench.run("i8_resize_bilinear", args);
    images.forEach((image, n) => {
      const expected = twin.i8_resize_bilinear(image, [w, channels], ROWS, COLUMNS);
      expect([...fromStored(bench, args.y + n * ys, shape)]).toEqual([...expected]);
    });
  });
});
