/**
 * MobileNetV1 0.25 of MLPerf Tiny (visual wake words; Howard et al. 2017), a quarter as wide as in the article.
 *
 *     96x96x3 - conv 8@3x3 / 2 - 13 x (depthwise 3x3 - conv 1x1) - mean - dense 2 logits:
 *     221 794 parameters, 7.5 million MACs
 */
import { number, wrongValue } from "../base/errors.ts";
import {
  averagePool2d,
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
import { type ClassifierOptions, referenceOptions } from "./options.ts";

const decay = l2(1e-4);

/**
 * For each pair of convolutions: the stride of the depthwise one, and the filters of the pointwise one at the article's
 * width.
 */
const PAIRS: readonly (readonly [strides: number, filters: number])[] = [
  [1, 64],
  [2, 128],
  [1, 128],
  [2, 256],
  [1, 256],
  [2, 512],
  [1, 512],
  [1, 512],
  [1, 512],
  [1, 512],
  [1, 512],
  [2, 1024],
  [1, 1024],
];

/** The product of the strides of the first convolution and of four pairs. */
const REDUCTION = 32;

export interface MobilenetV1Options extends ClassifierOptions {
  /** Width multiplier: the filters relative to the article's, rounded down. Default 0.25. */
  alpha?: number;
}

/** Default: 2 classes, [96, 96, 3]. `seed`: of the initial weights. Default 0. */
export function mobilenetV1(options: MobilenetV1Options = {}): Model {
  const preset = { classes: 2, inputShape: [96, 96, 3], alpha: 0.25 };
  const { own, build } = referenceOptions("mobilenetV1", options, preset);
  const alpha = number("alpha", own.alpha, { above: 0 });
  const wide = (filters: number) => Math.floor(filters * alpha);
  if (wide(32) < 1) throw wrongValue("alpha", "at least 1 / 32, a filter of the first convolution", alpha);
  const left = (size: number) => Math.ceil(size / REDUCTION);
  const [height, width] = own.inputShape as [number, number, number];
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
      conv2d({ filters: wide(32), kernelSize: 3, strides: 2, ...usual, inputShape: own.inputShape }),
      ...normalized(),
      ...PAIRS.flatMap(([strides, filters]) => pair(strides, wide(filters))),
      averagePool2d({ poolSize: [left(height), left(width)] }),
      flatten(),
      dense({ units: own.classes }),
    ],
    build,
  );
}
