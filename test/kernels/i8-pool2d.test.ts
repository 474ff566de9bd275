import { expect, test } from "vitest";
import { type Halo, storedImage } from "../../src/kernels/i8/stored.ts";
import * as twin from "../../src/kernels/reference/i8-pool2d.ts";
import { overVariants } from "./harness.ts";
import { bytes, fromStored, storedImages } from "./i8.ts";

const POOLS: Omit<twin.Pool, "c">[] = [
  { h: 1, w: 1, kh: 1, kw: 1, stride_h: 1, stride_w: 1, pad_t: 0, pad_l: 0, oh: 1, ow: 1 },
  { h: 6, w: 4, kh: 2, kw: 2, stride_h: 2, stride_w: 2, pad_t: 0, pad_l: 0, oh: 3, ow: 2 },
  { h: 5, w: 7, kh: 3, kw: 3, stride_h: 2, stride_w: 1, pad_t: 1, pad_l: 1, oh: 3, ow: 7 },
  { h: 5, w: 5, kh: 2, kw: 3, stride_h: 2, stride_w: 2, pad_t: 0, pad_l: 1, oh: 3, ow: 3 },
  { h: 7, w: 5, kh: 7, kw: 5, stride_h: 1, stride_w: 1, pad_t: 0, pad_l: 0, oh: 1, ow: 1 },
];
const CASES = POOLS.flatMap(pool =>
  [1, 7, 8, 9, 19].map(channels => [`${pool.kh}x${pool.kw}`, channels, pool] as const),
);

overVariants("i8-pool2d", "run", bench => {
  test.each(CASES)("window %s, %i channels", (_, channels, pool) => {
    const p: twin.Pool = { ...pool, c: channels };
    const images = [3, 4].map(seed => bytes(p.h * p.w * channels, seed, bench, false));
    const halo: Halo = [1, 2, 0, 1];
    const from = storedImage([p.h, p.w, channels], bench.variant, halo);
    const xs = from.bytes + 12;
    const shape = [p.oh, p.ow, channels];
    const to = storedImage(shape, bench.variant);
    const ys = to.bytes + 4;
    const place = () => {
      bench.reset();
      // the contents of the halo must not matter: it holds a value larger than any other
      const x = bench.input(storedImages(bench, images, [p.h, p.w, channels], halo, 127, xs)) + from.first;
      const y = bench.output(ys + to.bytes);
      return { n: 2, x, xs, x_row_stride: from.rowStride, y, ys, y_row_stride: to.rowStride, ...p };
    };
    const largest = place();
    bench.run("i8_max_pool2d", largest);
    images.forEach((x, i) => {
      expect([...fromStored(bench, largest.y + i * ys, shape)]).toEqual([...twin.i8_max_pool2d(p, x)]);
    });
    for (const [include, middle] of [
      [0, 0],
      [1, 0],
      [0, -128],
      [1, -128],
    ] as const) {
      const mean = place();
      const pads = { pad_b: 1, pad_r: 2 };
      bench.run("i8_average_pool2d", { ...mean, ...pads, include_pad: include, zero: -5, middle });
      images.forEach((x, i) => {
        const expected = twin.i8_average_pool2d({ ...p, ...pads }, x, include === 1, -5, middle);
        expect([...fromStored(bench, mean.y + i * ys, shape)]).toEqual([...expected]);
      });
    }
  });
});
