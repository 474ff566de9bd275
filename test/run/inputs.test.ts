import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Shape } from "../../src/base/shape.ts";
import { Graph } from "../../src/graph/graph.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";
import { Net, type NetOptions } from "../../src/run/index.ts";

/** A network that returns its input: f32, or int8 of this quantization. */
async function mirror(shape: Shape, options: NetOptions & { scale?: number; zeroPoint?: number } = {}): Promise<Net> {
  const { scale, zeroPoint = 0, ...rest } = options;
  const g = new Graph();
  const type = { shape, batched: true } as const;
  const x = g.leaf(
    "input",
    "x",
    scale
      ? { ...type, dtype: "i8", quantization: { scale: Float32Array.of(scale), zeroPoint } }
      : { ...type, dtype: "f32" },
  );
  g.results = [g.one(reshape, [x], { shape: [shape.reduce((a, b) => a * b, 1)] })];
  return Net.create(g, rest);
}

const nested = (x: ArrayLike<number>, shape: Shape, at = 0): unknown => {
  const [n, ...rest] = shape;
  if (n === undefined) return x[at];
  const each = rest.reduce((a, b) => a * b, 1);
  return Array.from({ length: n }, (_, i) => nested(x, rest, at + i * each));
};

const PLAIN = { scale: 1 };

test("Net.predict: flat and nested inputs, alone and in batches, are the same", async () => {
  const dimension = fc.integer({ min: 1, max: 4 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(dimension, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      fc.integer({ min: -128, max: 127 }),
      fc.integer(),
      async (shape, images, int8, zeroPoint, seed) => {
        const net = await mirror(shape, int8 ? { scale: 0.375, zeroPoint } : {});
        const size = shape.reduce((a, b) => a * b, 1);
        const x = Float32Array.from({ length: images * size }, (_, i) => Math.sin(seed + i) * 60);
        const y = net.predict(x);
        expect(net.predict(nested(x, [images, ...shape]) as number[])).toEqual(y);
        expect(net.predict([...x])).toEqual(y);
        expect(net.predict(Float64Array.from(x))).toEqual(y);
        const list = nested(x, [images, ...shape]) as number[][];
        const all = images > 1 || shape.length > 1 ? net.predictBatch(images > 1 ? list : [list]) : [y];
        expect(all.flatMap(r => [...r])).toEqual([...y]);
        if (shape.at(-1) === 1 && shape.length > 1)
          expect(net.predict(nested(x, [images, ...shape.slice(0, -1)]) as number[])).toEqual(y);
        // run gives the same through scale and zero point
        const q = net.run([...x]);
        if (int8) expect(Float32Array.from(q, v => Math.fround(0.375) * (v - zeroPoint))).toEqual(y);
        else expect(q).toEqual(x);
        expect(net.run(q)).toEqual(q);
      },
    ),
    { numRuns: 60 },
  );
});

test("Net.predict: real numbers are quantized half to even, and clamped", async () => {
  const net = await mirror([8], { scale: 0.5, zeroPoint: 3 });
  const x = [0.25, 0.75, -0.25, -0.75, 1.3, 1e9, -1e9, 0];
  expect([...net.run(x)]).toEqual([3, 5, 3, 1, 6, 127, -128, 3]);
  expect([...net.run(Int8Array.of(1, 2, 3, 4, 5, 6, 7, -128))]).toEqual([1, 2, 3, 4, 5, 6, 7, -128]);
});

describe("Net.predict: bytes", () => {
  test("become real numbers by scale and offset, or mean and deviation of each channel", async () => {
    const x = Uint8Array.of(0, 51, 255, 102);
    expect([...(await mirror([1, 2, 2])).predict(x)]).toEqual([...x].map(v => Math.fround(v * Math.fround(1 / 255))));
    const scaled = await mirror([1, 2, 2], { preprocessing: { scale: 2, offset: -5 } });
    expect([...scaled.predict(x)]).toEqual([-5, 97, 505, 199]);
    const normed = await mirror([1, 2, 2], { preprocessing: { mean: [1, 2], std: [2, 0.5] } });
    expect([...normed.predict(new Uint8ClampedArray(x))]).toEqual([-0.5, 98, 127, 200]);
    expect([...normed.predict([[x.subarray(0, 2), x.subarray(2)]])]).toEqual([-0.5, 98, 127, 200]);
  });

  test('one channel after the other with the layout "NCHW"', async () => {
    const preprocessing = { layout: "NCHW", mean: [0, 100] } as const;
    const net = await mirror([1, 3, 2], { preprocessing });
    const planes = [1, 2, 3, 4, 5, 6];
    expect([...net.predict(planes)]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...net.predict(Float32Array.from(planes))]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...net.predict([[[1, 2, 3]], [[4, 5, 6]]])]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...net.predict(Uint8Array.from([...planes, ...planes]))]).toEqual([
      1, -96, 2, -95, 3, -94, 1, -96, 2, -95, 3, -94,
    ]);
    // in its own type and order
    expect([...net.run(Float32Array.from(planes))]).toEqual(planes);
    expect(() => net.predict([[[1], [2], [3]]])).toThrow('"x" expected 2x1x3, or a list of such, got 1x3x1');
  });
});

describe("Net.predict: pictures", () => {
  const picture = (width: number, height: number, ...pixels: number[][]) => ({
    data: Uint8ClampedArray.from(pixels.flat()),
    width,
    height,
  });
  const [red, grey, clear] = [
    [255, 0, 0, 255],
    [77, 77, 77, 255],
    [200, 100, 50, 51],
  ];

  test("are reduced to the channels of the network", async () => {
    const x = picture(3, 1, red!, grey!, clear!);
    const given = async (shape: Shape) => [...(await mirror(shape, { preprocessing: PLAIN })).predict(x)];
    expect(await given([1, 3, 1])).toEqual([76, 77, Math.round(124 / 5)]);
    expect(await given([1, 3])).toEqual([76, 77, 25]);
    expect(await given([1, 3, 3])).toEqual([255, 0, 0, 77, 77, 77, 40, 20, 10]);
    expect(await given([1, 3, 4])).toEqual([...x.data]);
  });

  test("every grey keeps its value", async () => {
    const greys = Array.from({ length: 256 }, (_, v) => [v, v, v, 255]);
    const net = await mirror([16, 16, 1]);
    const x = picture(16, 16, ...greys);
    expect(net.predict(x)).toEqual(net.predict(Uint8Array.from({ length: 256 }, (_, v) => v)));
    const int8 = await mirror([16, 16, 1], { scale: 1 / 255, zeroPoint: -128 });
    expect([...int8.run(x)]).toEqual(greys.map(([v]) => v! - 128));
  });

  test("are rows from the top, for every layout of arrays", async () => {
    const net = await mirror([1, 2, 3], { preprocessing: { scale: 1, layout: "NCHW" } });
    expect([...net.predict(picture(2, 1, red!, grey!))]).toEqual([255, 0, 0, 77, 77, 77]);
  });

  test("of the wrong size are refused", async () => {
    const net = await mirror([28, 20, 1]);
    const blank = (width: number, height: number) => ({
      width,
      height,
      data: new Uint8ClampedArray(4 * width * height),
    });
    expect(() => net.predict(blank(28, 20))).toThrow(
      '"x" expected a picture of 28x20 (height x width), got a picture of 20x28',
    );
    expect(() => net.predict({ width: 20, height: 28, data: new Uint8ClampedArray(7) })).toThrow(
      '"x.data" expected 2240 bytes',
    );
    const pair = await mirror([28, 20, 2]);
    expect(() => pair.predict(blank(20, 28))).toThrow('"x" expected 28x20x2 numbers, which no picture has, got');
  });
});

test("Net.predict names an invalid input, with its place", async () => {
  const net = await mirror([2, 3, 1]);
  const wrong = (x: unknown) => () => net.predict(x as number[]);
  for (const x of [undefined, null, 7, "123456", true, () => 1, new Map()])
    expect(wrong(x)).toThrow('"x" expected numbers in arrays, or a picture, got');
  expect(wrong([])).toThrow('"x" expected whole images of 2x3x1 = 6 numbers, got 0');
  expect(wrong([1, 2, 3, 4, 5])).toThrow('"x" expected whole images of 2x3x1 = 6 numbers, got 5');
  expect(wrong([1, 2, "3", 4, 5, 6])).toThrow('"x[2]" expected finite number, got "3"');
  expect(wrong([1, 2, 3, 4, 5, Infinity])).toThrow('"x[5]" expected finite number, got Infinity');
  expect(wrong(new BigInt64Array(6))).toThrow(/"x\[0\]" expected finite number|BigInt/);
  expect(
    wrong([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
  ).toThrow('"x" expected 2x3x1, or a list of such, got 3x2');
  expect(
    wrong([
      [1, 2, 3],
      [4, 5],
    ]),
  ).toThrow('"x[1]" expected 3 elements, got 2');
  expect(wrong([[1, 2, 3], 4])).toThrow('"x[1]" expected 3 elements, got 4');
  expect(
    wrong([
      [1, 2, 3],
      [4, NaN, 6],
    ]),
  ).toThrow('"x[1][1]" expected finite number, got NaN');
  expect(
    wrong([
      [1, 2, 3],
      [4, {}, 6],
    ]),
  ).toThrow('"x[1][1]" expected finite number, got Object');
  expect(() => net.run(new Float64Array(6) as never)).toThrow('"x" expected Float32Array, got Float64Array(6)');
  const int8 = await mirror([2], { scale: 1 });
  expect(() => int8.run(new Float32Array(2))).toThrow('"x" expected Int8Array, got Float32Array(2)');
  expect(() => int8.run(Int8Array.of(1, 2, 3))).toThrow('"x" expected whole samples of 2 = 2 numbers, got 3');
  expect(() => int8.predict(Float32Array.of(1, NaN))).toThrow('"x[1]" expected finite number, got NaN');
});

test("Net names invalid preprocessing", async () => {
  const wrong = (preprocessing: object) => expect(mirror([2, 2, 3], { preprocessing })).rejects;
  await wrong({ scale: "1" }).toThrow('"preprocessing.scale" expected finite number, got "1"');
  await wrong({ offset: NaN }).toThrow('"preprocessing.offset" expected finite number, got NaN');
  await wrong({ mean: [1, 2] }).toThrow('"preprocessing.mean" expected 3 channels, got [1, 2]');
  await wrong({ std: [1, 0, 1] }).toThrow('"preprocessing.std[1]" expected finite number > 0, got 0');
  await wrong({ layout: "CHW" }).toThrow('"preprocessing.layout" expected one of "NHWC", "NCHW", got "CHW"');
});
