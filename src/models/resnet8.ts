/**
 * ResNet-8 of MLPerf Tiny (image classification; after He et al. 2016): three residual blocks of two convolutions.
 *
 *     32x32x3 - conv 16 - block 16 - block 32 / 2 - block 64 / 2 - mean - dense 10 logits:
 *     78 666 parameters, 12.5 million MACs
 */
import { integer } from "../base/errors.ts";
import {
  add,
  averagePool2d,
  batchNormalization,
  conv2d,
  dense,
  flatten,
  input,
  l2,
  type Model,
  model,
  relu,
  type SymbolicTensor,
} from "../model/index.ts";
import { type ClassifierOptions, referenceOptions } from "./options.ts";

const decay = l2(1e-4);

const convolution = (filters: number, kernelSize: number, strides: number) =>
  conv2d({ filters, kernelSize, strides, padding: "same", kernelInitializer: "heNormal", kernelRegularizer: decay });

/** The shortcut is a 1x1 convolution if the block downsamples. */
function block(x: SymbolicTensor, filters: number, strides: number): SymbolicTensor {
  const first = relu()(batchNormalization()(convolution(filters, 3, strides)(x)));
  const second = batchNormalization()(convolution(filters, 3, 1)(first));
  const around = strides === 1 ? x : convolution(filters, 1, strides)(x);
  return relu()(add([around, second]));
}

export interface Resnet8Options extends ClassifierOptions {
  /** Filters of the first convolution and the first block; the others have twice and four times as many. Default 16. */
  filters?: number;
}

/** Default: 10 classes, [32, 32, 3]. `seed`: of the initial weights. Default 0. */
export function resnet8(options: Resnet8Options = {}): Model {
  const { own, build } = referenceOptions("resnet8", options, { classes: 10, inputShape: [32, 32, 3], filters: 16 });
  const filters = integer("filters", own.filters, 1);
  const [height, width] = own.inputShape as [number, number, number];
  const image = input({ shape: own.inputShape });
  const first = relu()(batchNormalization()(convolution(filters, 3, 1)(image)));
  const last = block(block(block(first, filters, 1), 2 * filters, 2), 4 * filters, 2);
  const mean = flatten()(averagePool2d({ poolSize: [Math.ceil(height / 4), Math.ceil(width / 4)] })(last));
  const outputs = dense({ units: own.classes, kernelInitializer: "heNormal" })(mean);
  return model({ inputs: image, outputs, ...build });
}
