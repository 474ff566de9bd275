/**
 * DS-CNN of MLPerf Tiny (keyword spotting; Zhang et al. 2017, "Hello Edge"): one wide convolution, then four times a depthwise and a pointwise one.
 *
 *     49x10x1 spectrogram - conv 64@10x4 / 2 - 4 x (depthwise 3x3 - conv 64@1x1) - mean - dense 12 logits: 24 908 parameters, 2.66 million MACs
 */
import { knownOptions } from "../base/errors.ts";
import {
  averagePool2d,
  type BuildOptions,
  batchNormalization,
  conv2d,
  dense,
  depthwiseConv2d,
  dropout,
  flatten,
  l2,
  type Model,
  relu,
  sequential,
} from "../model/index.ts";

const decay = l2(1e-4);

/** `seed`: what the initial weights follow from. Default 0. */
export function dsCnn(options: BuildOptions = {}): Model {
  knownOptions("dsCnn", options, ["seed", "name"]);
  const same = { padding: "same" } as const;
  const normalized = () => [batchNormalization(), relu()];
  const block = () => [
    depthwiseConv2d({ kernelSize: 3, ...same, depthwiseRegularizer: decay }),
    ...normalized(),
    conv2d({ filters: 64, kernelSize: 1, ...same, kernelRegularizer: decay }),
    ...normalized(),
  ];
  return sequential(
    [
      conv2d({
        filters: 64,
        kernelSize: [10, 4],
        strides: 2,
        ...same,
        kernelRegularizer: decay,
        inputShape: [49, 10, 1],
      }),
      ...normalized(),
      dropout(0.2),
      ...[block(), block(), block(), block()].flat(),
      dropout(0.4),
      averagePool2d({ poolSize: [25, 5] }),
      flatten(),
      dense({ units: 12 }),
    ],
    { name: "dsCnn", ...options },
  );
}
