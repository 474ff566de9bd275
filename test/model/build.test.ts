import { describe, expect, test } from "vitest";
import {
  activation,
  add,
  averagePool2d,
  batchNormalization,
  concatenate,
  conv2d,
  dense,
  depthwiseConv2d,
  dropout,
  flatten,
  globalAveragePool2d,
  input,
  type Layer,
  l1l2,
  l2,
  maxPool2d,
  model,
  prelu,
  relu,
  reshape,
  sequential,
  subtract,
  zeroPadding2d,
} from "../../src/model/index.ts";
import { expectClose } from "../ops/planned.ts";

const names = (layers: Layer[], inputShape = [8, 8, 2]): string[] =>
  sequential([input({ shape: inputShape }), ...layers]).layers.map(l => l.name);

describe("sequential and model: names", () => {
  test("are Keras': the kind, then kind_1, kind_2", () => {
    const conv = () => conv2d({ filters: 2, kernelSize: 2 });
    expect(names([conv(), maxPool2d(), conv(), conv(), flatten(), dense({ units: 2 }), dense({ units: 2 })])).toEqual([
      "conv2d",
      "maxPool2d",
      "conv2d_1",
      "conv2d_2",
      "flatten",
      "dense",
      "dense_1",
    ]);
  });

  test("begin anew in every model", () => {
    for (let i = 0; i < 2; i++) expect(names([flatten(), dense({ units: 2 })])).toEqual(["flatten", "dense"]);
  });

  test("that were chosen are kept, and not given again", () => {
    const chosen = dense({ units: 2, name: "dense_1" });
    expect(names([flatten(), dense({ units: 2 }), chosen, dense({ units: 2 })])).toEqual([
      "flatten",
      "dense",
      "dense_1",
      "dense_2",
    ]);
    expect(() => names([flatten(), dense({ units: 2, name: "a" }), dense({ units: 2, name: "a" })])).toThrow(
      '"name" expected a different name for each layer, got "a" twice',
    );
  });

  test("of inputs too", () => {
    const [a, b] = [input({ shape: [2] }), input({ shape: [2] })];
    const made = model({ inputs: [a, b], outputs: add()(a, b) });
    expect(made.graph.leaves.map(v => v.name)).toEqual(["input", "input_1"]);
    expect(made.layer("add").connectedTo).toEqual(["input", "input_1"]);
  });
});

describe("model: a layer called twice", () => {
  const x = input({ shape: [5] });
  const shared = dense({ units: 5, activation: "tanh" });
  const twice = model({ inputs: x, outputs: add()(shared(shared(x)), x), seed: 4 });

  test("is one layer with one set of parameters", () => {
    expect(twice.parameters).toBe(30);
    expect(twice.layers.map(l => l.name)).toEqual(["dense", "add"]);
    expect(twice.layer("dense").connectedTo).toEqual(["input"]);
  });

  test("computes what two layers of equal weights compute", async () => {
    const [a, b] = [dense({ units: 5, activation: "tanh" }), dense({ units: 5, activation: "tanh" })];
    const apart = model({ inputs: x, outputs: add()(b(a(x)), x) });
    expect(apart.parameters).toBe(60);
    const { "dense/kernel": kernel, "dense/bias": bias } = twice.getWeights();
    apart.setWeights([kernel!, bias!, kernel!, bias!]);
    const images = Float32Array.from({ length: 15 }, (_, i) => ((i * 37) % 11) / 7 - 0.7);
    expect(await twice.predict(images)).toEqual(await apart.predict(images));
  });

  test("names its shapes if they do not fit the second time", () => {
    const y = input({ shape: [5] });
    const widening = dense({ units: 7 });
    expect(() => model({ inputs: y, outputs: widening(widening(y)) })).toThrow(
      'layer "dense" (dense): weights of 7x5 do not fit inputs of 7',
    );
  });

  test("has parameters of its own in every model", () => {
    const [one, two] = [model({ inputs: x, outputs: shared(x) }), model({ inputs: x, outputs: shared(x) })];
    one.setWeights({ "dense/bias": { data: [1, 2, 3, 4, 5] } });
    expect([...two.getWeights()["dense/bias"]!.data]).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("model: branches", () => {
  test("join by add, subtract and concatenate", async () => {
    const x = input({ shape: [4, 4, 2] });
    const a = conv2d({ filters: 2, kernelSize: 3, padding: "same" })(x);
    const residual = add()(a, x);
    const both = concatenate([residual, subtract([x, a])]);
    const made = model({ inputs: x, outputs: globalAveragePool2d()(both) });
    expect(made.outputShape).toEqual([4]);
    made.setWeights({ "conv2d/kernel": { data: new Float32Array(36) }, "conv2d/bias": { data: [1, -1] } });
    const images = Float32Array.from({ length: 64 }, (_, i) => i % 7);
    const y = await made.predict(images);
    const mean = (image: number, channel: number) =>
      images.subarray(image * 32, image * 32 + 32).reduce((s, v, i) => s + (i % 2 === channel ? v : 0), 0) / 16;
    expectClose(
      y,
      [0, 1].flatMap(i => [mean(i, 0) + 1, mean(i, 1) - 1, mean(i, 0) - 1, mean(i, 1) + 1]),
      "y",
    );
  });

  test("that nothing needs are left out", () => {
    const x = input({ shape: [4] });
    const y = dense({ units: 2 })(x);
    dense({ units: 3 })(y);
    expect(model({ inputs: x, outputs: y }).layers.length).toBe(1);
  });

  test("need their inputs", () => {
    const [x, y] = [input({ shape: [4] }), input({ shape: [4], name: "other" })];
    expect(() => model({ inputs: x, outputs: add()(x, y) })).toThrow(
      '"inputs" expected every input that the outputs depend on, got none for other',
    );
  });
});

describe("sequential: options", () => {
  const wrong: [string, () => unknown, string][] = [
    [
      "unknown",
      () => conv2d({ filters: 1, kernelSize: 1, kernel: 3 } as never),
      '"conv2d" has no option "kernel"; it knows',
    ],
    ["unknown, of a model", () => model({ input: 1 } as never), '"model" has no option "input"'],
    ["unknown, of input", () => input({ size: [1] } as never), '"input" has no option "size"'],
    ["filters", () => conv2d({ filters: 0, kernelSize: 1 }), '"filters" expected integer >= 1, got 0'],
    [
      "no kernelSize",
      () => conv2d({ filters: 1 } as never),
      '"kernelSize" expected a number or [down, right], got undefined',
    ],
    [
      "kernelSize",
      () => conv2d({ filters: 1, kernelSize: [1, 2, 3] as never }),
      '"kernelSize" expected a number or [down, right]',
    ],
    ["strides", () => maxPool2d({ strides: [1, 0] }), '"strides[1]" expected integer >= 1, got 0'],
    [
      "padding",
      () => conv2d({ filters: 1, kernelSize: 1, padding: "full" as never }),
      '"padding" expected "valid", "same" or',
    ],
    [
      "activation",
      () => dense({ units: 1, activation: "swish" as never }),
      '"activation" expected one of "linear", "relu6", "elu",',
    ],
    [
      "initializer",
      () => dense({ units: 1, kernelInitializer: "zero" as never }),
      '"kernelInitializer" expected an initializer or',
    ],
    [
      "regularizer",
      () => dense({ units: 1, kernelRegularizer: { l3: 1 } as never }),
      '"kernelRegularizer" has no option "l3"',
    ],
    ["a negative penalty", () => l2(-1), '"l2" expected finite number >= 0, got -1'],
    ["rate", () => dropout(1), '"rate" expected finite number >= 0 and < 1, got 1'],
    ["epsilon", () => batchNormalization({ epsilon: 0 }), '"epsilon" expected finite number > 0, got 0'],
    ["name", () => flatten({ name: "a/b" }), '"name" expected a name without spaces and slashes, got "a/b"'],
    ["trainable", () => flatten({ trainable: 1 as never }), '"trainable" expected a boolean, got 1'],
    ["shape", () => input({ shape: [28, 0] }), '"shape" expected integers >= 1'],
    [
      "two leaks",
      () => relu({ maxValue: 6, negativeSlope: 0.1 }),
      '"negativeSlope" expected 0 where there is a maxValue',
    ],
    ["targetShape", () => reshape({ targetShape: [-1, -1] }), '"targetShape" expected integers >= 1, one of them -1'],
    [
      "what is called on",
      () => dense({ units: 1 })([1, 2] as never),
      '"dense is called on" expected what input() or a layer gives',
    ],
    [
      "one input too many",
      () => flatten()(input({ shape: [1] }), input({ shape: [1] })),
      '"flatten" expected 1 input, got 2',
    ],
    ["no layers", () => sequential([]), '"layers" expected at least one layer, got none'],
    ["no inputShape", () => sequential([flatten()]), '"inputShape" expected at the first layer (flatten)'],
    ["no layer", () => sequential([input({ shape: [1] }), {} as never]), '"layers" expected layers, got Object'],
    ["seed", () => sequential([flatten({ inputShape: [1] })], { seed: -1 }), '"seed" expected integer in 0..'],
  ];
  test.each(wrong)("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("sequential: shapes that do not fit name the layer and both shapes", () => {
  const behind = (layer: Layer, shape: number[]) => () => sequential([input({ shape }), layer]);
  const wrong: [string, () => unknown, string][] = [
    [
      "dense on images",
      behind(dense({ units: 2 }), [4, 4, 1]),
      'layer "dense" (dense): expects a vector per image, got 4x4x1: flatten first',
    ],
    [
      "conv2d on a vector",
      behind(conv2d({ filters: 1, kernelSize: 1 }), [7]),
      'layer "conv2d" (conv2d): expects images of height x width x channels, got 7',
    ],
    [
      "a kernel larger than the image",
      behind(conv2d({ filters: 1, kernelSize: 5 }), [4, 6, 1]),
      'layer "conv2d" (conv2d): a window of 5x5 does not fit images of 4x6x1',
    ],
    [
      "groups",
      behind(conv2d({ filters: 4, kernelSize: 1, groups: 2 }), [4, 4, 3]),
      "images of 4x4x3 and 4 filters do not divide into 2 groups",
    ],
    [
      "reshape",
      behind(reshape({ targetShape: [5, -1] }), [4, 4]),
      'layer "reshape" (reshape): 4x4 cannot be reshaped to 5x-1',
    ],
    [
      "pool",
      behind(averagePool2d({ poolSize: 5 }), [4, 4, 1]),
      'layer "averagePool2d" (averagePool2d): a window of 5x5',
    ],
    ["sharedAxes", behind(prelu({ sharedAxes: [2] }), [4, 4, 1]), '"sharedAxes" expected leading axes of 4x4x1'],
    [
      "add",
      () => {
        const [a, b] = [input({ shape: [4, 4] }), input({ shape: [4, 5] })];
        model({ inputs: [a, b], outputs: add({ name: "sum" })(a, b) });
      },
      'layer "sum" (add): expects shapes that are equal but for axes of 1, counted from the last, got 4x4 and 4x5',
    ],
    [
      "concatenate",
      () => {
        const [a, b] = [input({ shape: [4, 4] }), input({ shape: [5, 4] })];
        model({ inputs: [a, b], outputs: concatenate()(a, b) });
      },
      'layer "concatenate" (concat): cannot put 5x4 beside 4x4 along axis 1',
    ],
    [
      "a concatenation of batches",
      () => {
        const [a, b] = [input({ shape: [4] }), input({ shape: [4] })];
        model({ inputs: [a, b], outputs: concatenate({ axis: 0 })(a, b) });
      },
      'layer "concatenate" (concatenate): "axis" expected an axis of batches of 4 other than the batch, got 0',
    ],
    [
      "inputShape further in",
      () => sequential([flatten({ inputShape: [4] }), dense({ units: 1, inputShape: [5] })]),
      'layer "dense" (dense): expects samples of 5, got 4',
    ],
  ];
  test.each(wrong)("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("conv2d, pools and zeroPadding2d: geometry", () => {
  const shapeBehind = (layer: Layer, shape: number[]) => sequential([input({ shape }), layer]).outputShape;

  test("explicit pads, strides and dilation", () => {
    const options = {
      filters: 3,
      kernelSize: [3, 2],
      padding: [1, 0, 2, 1],
      strides: [2, 1],
      dilationRate: 2,
    } as const;
    expect(shapeBehind(conv2d(options), [9, 8, 4])).toEqual([4, 7, 3]);
    expect(shapeBehind(depthwiseConv2d({ kernelSize: 3, padding: "same", depthMultiplier: 2 }), [5, 5, 3])).toEqual([
      5, 5, 6,
    ]);
    expect(shapeBehind(maxPool2d({ poolSize: 3, strides: 2, padding: "same" }), [5, 6, 3])).toEqual([3, 3, 3]);
    expect(
      shapeBehind(
        zeroPadding2d({
          padding: [
            [1, 0],
            [2, 3],
          ],
        }),
        [3, 3, 1],
      ),
    ).toEqual([4, 8, 1]);
    expect(shapeBehind(zeroPadding2d({ padding: [1, 2] }), [3, 3, 1])).toEqual([5, 7, 1]);
    expect(shapeBehind(zeroPadding2d(), [3, 3, 1])).toEqual([5, 5, 1]);
    expect(shapeBehind(reshape({ targetShape: [-1, 4] }), [2, 3, 2])).toEqual([3, 4]);
    expect(shapeBehind(concatenate({ axis: 1 }) && flatten(), [2, 3])).toEqual([6]);
  });

  test("a linear activation adds nothing", () => {
    expect(sequential([flatten({ inputShape: [3] }), activation("linear")]).layers.map(l => l.name)).toEqual([
      "flatten",
    ]);
  });
});

test("l2: penalties are kept by the name of the weight", () => {
  const made = sequential([
    conv2d({ filters: 2, kernelSize: 1, inputShape: [2, 2, 1], kernelRegularizer: l2(0.5) }),
    flatten(),
    dense({ units: 1, biasRegularizer: l1l2({ l1: 0.25 }), kernelRegularizer: l1l2() }),
  ]);
  expect([...made.regularizers]).toEqual([
    ["conv2d/kernel", { l1: 0, l2: 0.5 }],
    ["dense/bias", { l1: 0.25, l2: 0 }],
  ]);
});
