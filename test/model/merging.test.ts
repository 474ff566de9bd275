/** Merging layers, with inputs of different shapes. */
import { describe, expect, test } from "vitest";
import { size } from "../../src/base/shape.ts";
import { quantizeStatic } from "../../src/compress/index.ts";
import { Dataset } from "../../src/data/index.ts";
import {
  add,
  dense,
  flatten,
  globalAveragePool2d,
  input,
  loadModel,
  model,
  multiply,
  subtract,
} from "../../src/model/index.ts";
import { adam } from "../../src/train/optimizers.ts";

describe("add, multiply and others: broadcasting", () => {
  // keras.src.layers.merging.base_merge: shapes without the batch, aligned at the last axis, ranks made equal by
  // leading axes of 1
  test.each([
    [
      [2, 3, 4],
      [1, 1, 4],
      [2, 3, 4],
    ],
    [
      [1, 1, 4],
      [2, 3, 4],
      [2, 3, 4],
    ],
    [[2, 3, 4], [4], [2, 3, 4]],
    [[4], [2, 3, 4], [2, 3, 4]],
    [
      [2, 1, 4],
      [3, 1],
      [2, 3, 4],
    ],
    [
      [2, 3, 1],
      [1, 3, 4],
      [2, 3, 4],
    ],
    [[1], [5], [5]],
  ])("add, subtract and multiply broadcast %j and %j to %j", async (a, b, expected) => {
    const layers = [add(), subtract(), multiply()];
    const formulas = [
      (u: number, v: number) => u + v,
      (u: number, v: number) => u - v,
      (u: number, v: number) => u * v,
    ];
    const [left, right] = [input({ shape: a }), input({ shape: b })];
    const made = model({ inputs: [left, right], outputs: layers.map(layer => layer(left, right)) });
    const images = 3;
    const numbers = (shape: number[]) =>
      Float32Array.from({ length: images * size(shape) }, (_, i) => ((i * 37) % 11) - 5);
    const [x, y] = [numbers(a), numbers(b)];
    /** The element in one of `shape` for index i of an image of `expected`. */
    const at = (shape: number[], i: number): number => {
      let [rest, place, pitch] = [i, 0, 1];
      for (let axis = expected.length - 1, own = shape.length - 1; axis >= 0; axis--, own--) {
        const index = rest % expected[axis]!;
        rest = (rest - index) / expected[axis]!;
        if (own < 0) continue;
        if (shape[own] !== 1) place += index * pitch;
        pitch *= shape[own]!;
      }
      return place;
    };
    const results = await made.predict<Float32Array[]>([x, y]);
    for (const [k, formula] of formulas.entries()) {
      expect(made.graph.results[k]!.type.shape).toEqual(expected);
      const wanted = Float32Array.from({ length: images * size(expected) }, (_, i) => {
        const [image, element] = [Math.floor(i / size(expected)), i % size(expected)];
        return formula(x[image * size(a) + at(a, element)]!, y[image * size(b) + at(b, element)]!);
      });
      expect(results[k]).toEqual(wanted);
    }
  });

  test("broadcasting of more than two inputs applies the rule to pairs", async () => {
    const [a, b, c] = [[3], [2, 1], [4, 1, 1]].map(shape => input({ shape }));
    const made = model({ inputs: [a!, b!, c!], outputs: add()(a!, b!, c!) });
    expect(made.outputShape).toEqual([4, 2, 3]);
    const sum = await made.predict<Float32Array>([
      [1, 2, 3],
      [10, 20],
      [100, 200, 300, 400],
    ]);
    expect([...sum.subarray(0, 6)]).toEqual([111, 112, 113, 121, 122, 123]);
    expect(sum.at(-1)).toBe(423);
  });

  test("squeeze and excite is built, trained, quantized, saved and loaded", async () => {
    const x = input({ shape: [4, 4, 6] });
    const squeezed = dense({ units: 3, activation: "relu" })(globalAveragePool2d()(x));
    const excited = multiply()(x, dense({ units: 6, activation: "sigmoid" })(squeezed));
    const outputs = dense({ units: 2 })(flatten()(excited));
    const made = model({ inputs: x, outputs, seed: 3 });
    // the label is the number of the bright one of two channels
    const images = Float32Array.from(
      { length: 24 * 96 },
      (_, i) => 0.3 * Math.sin(i * i) + Number(i % 6 === Math.floor(i / 96) % 2),
    );
    const data = new Dataset({ images, shape: [4, 4, 6], labels: Array.from({ length: 24 }, (_, i) => i % 2) });
    const before = made.getWeights()["dense/kernel"]!.data;
    const history = await made.fit(data, { epochs: 30, batchSize: 8, optimizer: adam(0.01) });
    expect(history.history.accuracy!.at(-1)).toBe(1);
    expect(made.getWeights()["dense/kernel"]!.data).not.toEqual(before);
    const again = await loadModel(made.toBytes());
    expect(await again.predict(data)).toEqual(await made.predict(data));
    const small = await quantizeStatic(made, { calibration: data });
    expect((await small.evaluate(data)).accuracy).toBe(1);
  });
});
