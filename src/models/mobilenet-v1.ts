/**
 * MobileNetV1 0.25 of MLPerf Tiny (visual wake words; Howard et al. 2017), a quarter as wide as the article's.
 *
 *     96x96x3 - conv 8@3x3 / 2 - 13 x (depthwise 3x3 - conv 1x1) - mean - dense 2 logits: 221 794 parameters, 7.5 million MACs
 */
import { knownOptions } from "../base/errors.ts";
import {
  averagePool2d,
  type BuildOptions,
  batchNormalization,
  conv2d,
  dense,
  depthwiseConv2d,
  flatten,
  l2,
  type Model,
  relu,
  sequential,
} from "../model/index.ts";

const decay = l2(1e-4);

/** Of each pair of convolutions: the stride of the depthwise one, and the filters of the pointwise one. */
const PAIRS: readonly (readonly [strides: number, filters: number])[] = [
  [1, 16],
  [2, 32],
  [1, 32],
  [2, 64],
  [1, 64],
  [2, 128],
  [1, 128],
  [1, 128],
  [1, 128],
  [1, 128],
  [1, 128],
  [2, 256],
  [1, 256],
];

/** `seed`: what the initial weights follow from. Default 0. */
export function mobilenetV1(options: BuildOptions = {}): Model {
  knownOptions("mobilenetV1", options, ["seed", "name"]);
  const usual = { padding: "same", kernelRegularizer: decay } as const;
  const normalized = () => [batchNormalization(), relu()];
  const pair = (strides: number, filters: number) => [
    depthwiseConv2d({ kernelSize: 3, strides, padding: "same", depthwiseRegularizer: decay }),
    ...normalized(),
    conv2d({ filters, kernelSize: 1, ...usual }),
    ...normalized(),
  ];
  return sequential(
    [
      conv2d({ filters: 8, kernelSize: 3, strides: 2, ...usual, inputShape: [96, 96, 3] }),
      ...normalized(),
      ...PAIRS.flatMap(([strides, filters]) => pair(strides, filters)),
      averagePool2d({ poolSize: 3 }),
      flatten(),
      dense({ units: 2 }),
    ],
    { name: "mobilenetV1", ...options },
  );
}
