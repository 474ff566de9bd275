import { describe, expect, test } from "vitest";
import { addMasks, type Prunable } from "../../src/compress/masks.ts";
import { verify } from "../../src/graph/verify.ts";
import {
  batchNormalization,
  conv1d,
  conv2dTranspose,
  dense,
  depthwiseConv2d,
  flatten,
  input,
  model,
  separableConv2d,
  sequential,
} from "../../src/model/index.ts";
import { lenet5 } from "../container/networks.ts";

describe("addMasks", () => {
  test("lays masks on the kernels of conv2d and dense, and nothing else", () => {
    const graph = lenet5();
    const made = addMasks(graph);
    verify(graph);
    expect(made.map(m => m.weight)).toEqual(
      ["conv2d", "conv2d_1", "dense", "dense_1", "dense_2"].map(layer => `${layer}/kernel`),
    );
    expect(graph.leaves.filter(v => v.frozen).map(v => v.name)).toEqual(made.map(m => m.mask));
  });

  test("takes names or a function", () => {
    expect(addMasks(lenet5(), ["dense", "conv2d_1"]).map(m => m.weight)).toEqual(["conv2d_1/kernel", "dense/kernel"]);
    const wide = addMasks(lenet5(), ({ op, shape }) => op === "dense" && shape[0]! > 100);
    expect(wide.map(m => m.weight)).toEqual(["dense/kernel"]);
  });

  test("refuses unknown layers, empty choices and a second mask", () => {
    expect(() => addMasks(lenet5(), ["maxPool2d"])).toThrow(
      '"layers" expected layers that can be pruned (conv2d, conv2d_1, dense, dense_1, dense_2), got "maxPool2d"',
    );
    expect(() => addMasks(lenet5(), () => false)).toThrow("at least one of");
    const graph = lenet5();
    addMasks(graph, ["dense"]);
    expect(() => addMasks(graph, ["dense"])).toThrow('layer "dense" has a mask already: bake the model first');
    expect(addMasks(graph, ["dense_1"])).toHaveLength(1);
  });

  test("takes every kernel once, also depthwise, separable, transposed and 1D ones, or those of tfmot", () => {
    const images = sequential([
      conv2dTranspose({ filters: 2, kernelSize: 3, inputShape: [4, 4, 2] }),
      batchNormalization(),
      depthwiseConv2d({ kernelSize: 3 }),
      separableConv2d({ filters: 3, kernelSize: 2 }),
      flatten(),
      dense({ units: 2 }),
    ]);
    const kernels = ["conv2dTranspose/kernel", "depthwiseConv2d/kernel"];
    const separable = ["separableConv2d/depthwise_kernel", "separableConv2d/pointwise_kernel"];
    const masked = (prunable: Prunable) => addMasks(images.graph.copy().graph, undefined, prunable).map(m => m.weight);
    expect(masked("every kernel")).toEqual([...kernels, ...separable, "dense/kernel"]);
    expect(masked("as tfmot")).toEqual([kernels[0], separable[1], "dense/kernel"]);
    const sequence = sequential([conv1d({ filters: 2, kernelSize: 3, inputShape: [8, 2] })]);
    expect(addMasks(sequence.graph)).toEqual([
      { weight: "conv1d/kernel", mask: "conv1d/kernel/mask", layer: "conv1d", shape: [2, 1, 3, 2] },
    ]);
    const x = input({ shape: [4] });
    const twice = dense({ units: 4, name: "twice" });
    expect(addMasks(model({ inputs: x, outputs: twice(twice(x)) }).graph)).toHaveLength(1);
  });
});
