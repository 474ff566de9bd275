import { expect, test } from "vitest";
import type { Layout } from "../../src/kernels/layout.ts";
import { flat, kernelRows, movedRows, panels, winogradRows } from "../../src/kernels/layout.ts";
import * as direct from "../../src/kernels/reference/f32-conv2d-relu-max-pool2d.ts";
import * as backward from "../../src/kernels/reference/f32-conv2d-relu-max-pool2d-gradient.ts";
import * as winograd from "../../src/kernels/reference/f32-conv2d-relu-max-pool2d-winograd.ts";
import { planeScratch } from "../../src/kernels/table/f32-conv2d-relu-max-pool2d.ts";
import { winogradScratch } from "../../src/kernels/table/f32-conv2d-relu-max-pool2d-winograd.ts";
import type { KernelName } from "../../src/kernels/table.ts";
import { type Bench, noise, overVariants } from "./harness.ts";

type Sizes = direct.Sizes;

/** h, w, cin, cout, kh, kw */
const sizes = (h: number, w: number, cin: number, cout: number, kh: number, kw: number): Sizes => ({
  h,
  w,
  cin,
  cout,
  kh,
  kw,
});
const shapeOf = (s: Sizes) => [s.cout, s.kh, s.kw, s.cin];
const label = (s: Sizes) => `${s.h}x${s.w}x${s.cin}, ${s.cout} kernels ${s.kh}x${s.kw}`;

/** Logical numbers in `layout`, with zero padding. */
function stored(layout: Layout, shape: number[], logical: Float32Array): Float32Array {
  return Float32Array.from(layout.map!(shape), i => (i < 0 ? 0 : logical[i]!));
}

const FORWARD = {
  f32_conv2d_relu_max_pool2d: direct.f32_conv2d_relu_max_pool2d,
  f32_conv2d_relu_max_pool2d_plane: direct.f32_conv2d_relu_max_pool2d_plane,
  f32_conv2d_relu_max_pool2d_winograd: winograd.f32_conv2d_relu_max_pool2d_winograd,
};

const IMAGES = 3;

/** Data of IMAGES images, image i `strides` floats after image i - 1, NaN between them. */
function problem(s: Sizes) {
  const [oh, ow] = direct.windowsOf(s);
  const image = s.h * s.w * s.cin;
  const windows = oh * ow;
  const x = noise(IMAGES * image, 3 + s.h);
  const weights = noise(s.cout * s.kh * s.kw * s.cin, 5 + s.cout);
  const bias = noise(s.cout, 7).map(v => v / 4);
  const xs = 4 * image + 20;
  const ys = 4 * windows * s.cout + 12;
  const images = (data: Float32Array | Int32Array, each: number, stride: number) => {
    const out = new Float32Array((IMAGES * stride) / 4 - (stride / 4 - each)).fill(Number.NaN);
    const bits = new Int32Array(out.buffer);
    for (let i = 0; i < IMAGES; i++)
      if (data instanceof Int32Array) bits.set(data.subarray(i * each, (i + 1) * each), (i * stride) / 4);
      else out.set(data.subarray(i * each, (i + 1) * each), (i * stride) / 4);
    return out;
  };
  const of = (i: number) => x.subarray(i * image, (i + 1) * image);
  return { oh, ow, image, windows, x, weights, bias, xs, ys, images, of, outputs: windows * s.cout };
}

/** Bytes from the first output to the end of the last. */
const span = (stride: number, elements: number) => (IMAGES - 1) * stride + 4 * elements;

/** Sums are exact unless the binary may fuse multiply and add. */
const fused = (bench: Bench) => bench.binary === "train" && bench.variant === "relaxed";

function close(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++)
    if (!(Math.abs(got[i]! - wanted[i]!) <= tolerance * Math.max(1, Math.abs(wanted[i]!))))
      throw new Error(`element ${i} is ${got[i]}, not ${wanted[i]}`);
}

/** argmax, where near ties may go either way: the element it points to must equal the pooled value. */
function pointsAt(s: Sizes, p: ReturnType<typeof problem>, i: number, y: Float32Array, argmax: Int32Array): void {
  argmax.forEach((place, at) => {
    const o = at % s.cout;
    const window = Math.floor(at / s.cout);
    expect(place < 0).toBe(y[at] === 0);
    if (place < 0) return;
    const r = Math.floor(place / 4 / s.cin / s.w);
    const c = (place / 4 / s.cin) % s.w;
    expect([r >> 1, c >> 1]).toEqual([Math.floor(window / p.ow), window % p.ow]);
    close([direct.convolved(s, p.of(i), p.weights, o, r, c) + p.bias[o]!], [y[at]!], 1e-4);
  });
}

const byWindow = (s: Sizes, argmax: Int32Array): Int32Array => {
  const windows = argmax.length / s.cout;
  return argmax.map((_, i) => argmax[(i % s.cout) * windows + Math.floor(i / s.cout)]!);
};

/** The forward kernels. Those of the running binary do not return the argmax. */
function forwards(bench: Bench): void {
  const floats = (at: number, n: number) => bench.f32.slice(at / 4, at / 4 + n);
  const ints = (at: number, n: number) => bench.i32.slice(at / 4, at / 4 + n);

  function forward(
    kernel: KernelName & keyof typeof FORWARD,
    s: Sizes,
    weights: (p: ReturnType<typeof problem>) => number,
    args: Record<string, number>,
    scratch?: number,
  ): void {
    bench.reset();
    const p = problem(s);
    const y = bench.output(span(p.ys, p.outputs));
    const argmax = bench.output(span(p.ys, p.outputs));
    bench.run(kernel, {
      n: IMAGES,
      x: bench.input(p.images(p.x, p.image, p.xs)),
      xs: p.xs,
      weight: weights(p),
      bias: bench.input(stored(flat, [s.cout], p.bias)),
      y,
      ys: p.ys,
      argmax,
      cout: s.cout,
      ...args,
      ...(scratch && { scratch: bench.output(scratch) }),
    });
    const exact = !fused(bench) && !kernel.endsWith("winograd");
    for (let i = 0; i < IMAGES; i++) {
      const wanted = FORWARD[kernel](s, p.of(i), p.weights, p.bias);
      const got = floats(y + i * p.ys, p.outputs);
      const place = ints(argmax + i * p.ys, p.outputs);
      if (exact) expect(got).toEqual(wanted.y);
      else {
        close(got, wanted.y, 1e-4);
        close(got, direct.f32_conv2d_relu_max_pool2d(s, p.of(i), p.weights, p.bias).y, 1e-4);
      }
      if (bench.binary === "run") expect(place).toEqual(place.map(() => bench.poison));
      else if (exact) expect(place).toEqual(wanted.argmax);
      else pointsAt(s, p, i, got, kernel.includes("plane") ? byWindow(s, place) : place);
      if (i) expect(bench.u32[(y + i * p.ys) / 4 - 1]).toBe(0x7fc0dead);
    }
  }

  const inPanels = (s: Sizes) => (p: ReturnType<typeof problem>) => bench.input(stored(panels, shapeOf(s), p.weights));

  const inWinograd = (s: Sizes, before: number, after: number) => (p: ReturnType<typeof problem>) => {
    const w = stored(panels, shapeOf(s), p.weights);
    const y = bench.output(winogradRows.bytes(shapeOf(s), "f32"));
    const count = Math.ceil(s.cout / 8);
    bench.run("f32_panels_to_winograd", { panels: count, before, after, x: bench.input(w), y });
    const wanted = winograd.f32_panels_to_winograd(count, before, after, w);
    close(floats(y, wanted.length), wanted, 1e-6);
    return y;
  };

  test.each(
    [
      sizes(2, 2, 1, 1, 1, 1),
      sizes(4, 5, 3, 7, 3, 3),
      sizes(7, 6, 2, 8, 2, 3),
      sizes(6, 6, 6, 9, 5, 5),
      sizes(9, 8, 4, 19, 4, 1),
      sizes(12, 12, 6, 16, 5, 5),
    ].map(s => [label(s), s] as const),
  )("direct, %s", (_, s) => {
    const [oh, ow] = direct.windowsOf(s);
    const args = { oh, ow, kh: s.kh, run: s.kw * s.cin, x_row_stride: s.w * s.cin * 4, x_pixel_stride: s.cin * 4 };
    forward("f32_conv2d_relu_max_pool2d", s, inPanels(s), args);
  });

  test.each(
    [
      sizes(2, 8, 1, 1, 1, 1),
      sizes(5, 11, 1, 3, 3, 3),
      sizes(8, 14, 1, 6, 5, 4),
      sizes(9, 27, 1, 9, 2, 5),
      sizes(28, 28, 1, 6, 5, 5),
      sizes(7, 33, 1, 11, 4, 7),
    ].map(s => [label(s), s] as const),
  )("one channel, %s", (_, s) => {
    const scratch = planeScratch(s.h, s.w, s.cout);
    forward("f32_conv2d_relu_max_pool2d_plane", s, inPanels(s), { h: s.h, w: s.w, kh: s.kh, kw: s.kw }, scratch);
  });

  test.each(
    [
      sizes(4, 8, 4, 1, 1, 5),
      sizes(9, 11, 5, 7, 3, 5),
      sizes(12, 12, 6, 16, 5, 5),
      sizes(11, 18, 7, 12, 4, 5),
      sizes(10, 15, 11, 21, 5, 5),
    ].map(s => [label(s), s] as const),
  )("Winograd, %s", (_, s) => {
    const scratch = winogradScratch(s.h, s.cin);
    const args = { h: s.h, w: s.w, cin: s.cin, kh: s.kh };
    forward("f32_conv2d_relu_max_pool2d_winograd", s, inWinograd(s, s.kh, s.cin), args, scratch);
  });
}

overVariants("f32-conv2d-relu-max-pool2d", "run", forwards);

overVariants("f32-conv2d-relu-max-pool2d", "train", bench => {
  forwards(bench);
  const floats = (at: number, n: number) => bench.f32.slice(at / 4, at / 4 + n);

  // kernel rows of 1, 2, ... vectors, alone and several at a time, and longer than ten
  const KERNELS_OF = [
    ...[1, 4, 5, 9, 13, 17, 21, 25, 29, 33, 37, 40].map(cin => sizes(6, 6, cin, 3, 3, 1)),
    ...[1, 2, 3, 4, 5, 6, 7, 8].map(kh => sizes(kh + 3, 9, 1, 5, kh, 5)),
    sizes(8, 7, 3, 4, 5, 4),
    sizes(12, 12, 6, 16, 5, 5),
    sizes(6, 6, 15, 2, 2, 3),
    sizes(5, 5, 19, 2, 2, 4),
    sizes(5, 4, 61, 2, 2, 3),
  ].map(s => [label(s), s] as const);

  /** argmax as the forward kernel returns it, in both of its orders. */
  function won(s: Sizes, p: ReturnType<typeof problem>) {
    const pooled = Array.from({ length: IMAGES }, (_, i) =>
      direct.f32_conv2d_relu_max_pool2d(s, p.of(i), p.weights, p.bias),
    );
    const join = (parts: Int32Array[]) => Int32Array.from(parts.flatMap(part => [...part]));
    return {
      argmax: pooled.map(({ argmax }) => argmax),
      orders: [
        { data: join(pooled.map(({ argmax }) => argmax)), window_stride: 4 * s.cout, channel_stride: 4 },
        {
          data: join(pooled.map(({ argmax }) => direct.planar(s, argmax))),
          window_stride: 4,
          channel_stride: 4 * p.windows,
        },
      ],
    };
  }

  test.each(KERNELS_OF)("weight gradient, %s", (_, s) => {
    const p = problem(s);
    const dy = noise(IMAGES * p.outputs, 11);
    const { argmax, orders } = won(s, p);
    const dw = noise(p.weights.length, 13);
    const db = noise(s.cout, 17);
    const before = { dw: stored(kernelRows, shapeOf(s), dw), db: db.slice() };
    for (let i = 0; i < IMAGES; i++)
      backward.f32_conv2d_relu_max_pool2d_weight_gradient(
        s,
        p.of(i),
        dy.subarray(i * p.outputs, (i + 1) * p.outputs),
        argmax[i]!,
        dw,
        db,
      );
    for (const { data, window_stride, channel_stride } of orders) {
      bench.reset();
      const bytes = kernelRows.bytes(shapeOf(s), "f32");
      const gradient = bench.output(bytes);
      const bias = bench.output(4 * s.cout);
      bench.f32.set(before.dw, gradient / 4);
      bench.f32.set(before.db, bias / 4);
      const common = {
        xs: p.xs,
        dys: p.ys,
        window_stride,
        channel_stride,
        windows: p.windows,
        cout: s.cout,
        kh: s.kh,
        run: s.kw * s.cin,
        x_row_stride: s.w * s.cin * 4,
        list: bench.output(8 * p.windows * IMAGES),
        dw: gradient,
        db: bias,
      };
      const x = bench.input(p.images(p.x, p.image, p.xs));
      const d = bench.input(p.images(dy, p.outputs, p.ys));
      const a = bench.input(p.images(data, p.outputs, p.ys));
      // in two groups: sums continue from their earlier values, so the grouping does not change them
      bench.run("f32_conv2d_relu_max_pool2d_weight_gradient", { n: 1, x, dy: d, argmax: a, ...common });
      bench.run("f32_conv2d_relu_max_pool2d_weight_gradient", {
        n: IMAGES - 1,
        x: x + p.xs,
        dy: d + p.ys,
        argmax: a + p.ys,
        ...common,
      });
      const wanted = stored(kernelRows, shapeOf(s), dw);
      if (fused(bench)) {
        close(floats(gradient, bytes / 4), wanted, 1e-5);
        close(floats(bias, s.cout), db, 1e-5);
      } else {
        expect(floats(gradient, bytes / 4)).toEqual(wanted);
        expect(floats(bias, s.cout)).toEqual(db);
      }
    }
  });

  test.each(KERNELS_OF)("input gradient, %s", (_, s) => {
    const p = problem(s);
    const dy = noise(IMAGES * p.outputs, 11);
    const { argmax, orders } = won(s, p);
    for (const { data, window_stride, channel_stride } of orders) {
      bench.reset();
      const w = bench.output(movedRows.bytes(shapeOf(s), "f32"));
      bench.run("f32_panels_to_moved", {
        cout: s.cout,
        kh: s.kh,
        run: s.kw * s.cin,
        cin: s.cin,
        x: bench.input(stored(panels, shapeOf(s), p.weights)),
        y: w,
      });
      const moved = stored(movedRows, shapeOf(s), p.weights);
      expect(floats(w, moved.length)).toEqual(moved);
      const xs = 4 * Math.ceil(p.image / 8) * 8;
      const dx = bench.output(IMAGES * xs);
      const [oh, ow] = [p.oh, p.ow];
      bench.run("f32_conv2d_relu_max_pool2d_input_gradient", {
        n: IMAGES,
        dy: bench.input(p.images(dy, p.outputs, p.ys)),
        dys: p.ys,
        argmax: bench.input(p.images(data, p.outputs, p.ys)),
        window_stride,
        channel_stride,
        weight: w,
        dx,
        dxs: xs,
        oh,
        ow,
        cout: s.cout,
        kh: s.kh,
        run: s.kw * s.cin,
        dx_row_stride: s.w * s.cin * 4,
        dx_pixel_stride: s.cin * 4,
        list: bench.output(16 * s.cout),
      });
      for (let i = 0; i < IMAGES; i++) {
        const wanted = new Float32Array(xs / 4);
        wanted.set(
          backward.f32_conv2d_relu_max_pool2d_input_gradient(
            s,
            dy.subarray(i * p.outputs, (i + 1) * p.outputs),
            argmax[i]!,
            p.weights,
          ),
        );
        const got = floats(dx + i * xs, xs / 4);
        if (fused(bench)) close(got, wanted, 1e-5);
        else expect(got.map(v => v + 0)).toEqual(wanted.map(v => v + 0));
      }
    }
  });
});
