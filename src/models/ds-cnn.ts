/**
 * DS-CNN of MLPerf Tiny (keyword spotting; Zhang et al. 2017, "Hello Edge"): one wide convolution, then four pairs of a
 * depthwise and a pointwise one.
 *
 *     49x10x1 spectrogram - conv 64@10x4 / 2 - 4 x (depthwise 3x3 - conv 64@1x1) - mean - dense 12 logits:
 *     24 908 parameters, 2.66 million MACs
 */
import { integer } from "../base/errors.ts";
import {
  averagePool2d,
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
import { type ClassifierOptions, referenceOptions } from "./options.ts";

const decay = l2(1e-4);

export interface DsCnnOptions extends ClassifierOptions {
  /** Filters of every convolution. Default 64. */
  filters?: number;
}

/** Default: 12 classes, [49, 10, 1]. `seed`: of the initial weights. Default 0. */
export function dsCnn(options: DsCnnOptions = {}): Model {
  const { own, build } = referenceOptions("dsCnn", options, { classes: 12, inputShape: [49, 10, 1], filters: 64 });
  const filters = integer("filters", own.filters, 1);
  const [height, width] = own.inputShape as [number, number, number];
  const same = { padding: "same" } as const;
  const normalized = () => [batchNormalization(), relu()];
  const block = () => [
    depthwiseConv2d({ kernelSize: 3, ...same, depthwiseRegularizer: decay }),
    ...normalized(),
    conv2d({ filters, kernelSize: 1, ...same, kernelRegularizer: decay }),
    ...normalized(),
  ];
  return sequential(
    [
      conv2d({
        filters,
        kernelSize: [10, 4],
        strides: 2,
        ...same,
        kernelRegularizer: decay,
        inputShape: own.inputShape,
      }),
      ...normalized(),
      dropout(0.2),
      ...[block(), block(), block(), block()].flat(),
      dropout(0.4),
      averagePool2d({ poolSize: [Math.ceil(height / 2), Math.ceil(width / 2)] }),
      flatten(),
      dense({ units: own.classes }),
    ],
    build,
  );
}
