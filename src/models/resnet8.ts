/**
 * ResNet-8 of MLPerf Tiny (image classification; after He et al. 2016): three blocks of two convolutions with a way around them.
 *
 *     32x32x3 - conv 16 - block 16 - block 32 / 2 - block 64 / 2 - mean - dense 10 logits: 78 666 parameters, 12.5 million MACs
 */
import { knownOptions } from "../base/errors.ts";
import {
  add,
  averagePool2d,
  type BuildOptions,
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

const decay = l2(1e-4);

const convolution = (filters: number, kernelSize: number, strides: number) =>
  conv2d({ filters, kernelSize, strides, padding: "same", kernelInitializer: "heNormal", kernelRegularizer: decay });

/** The way around is a 1x1 convolution where the block makes images smaller. */
function block(x: SymbolicTensor, filters: number, strides: number): SymbolicTensor {
  const first = relu()(batchNormalization()(convolution(filters, 3, strides)(x)));
  const second = batchNormalization()(convolution(filters, 3, 1)(first));
  const around = strides === 1 ? x : convolution(filters, 1, strides)(x);
  return relu()(add([around, second]));
}

/** `seed`: what the initial weights follow from. Default 0. */
export function resnet8(options: BuildOptions = {}): Model {
  knownOptions("resnet8", options, ["seed", "name"]);
  const image = input({ shape: [32, 32, 3] });
  const first = relu()(batchNormalization()(convolution(16, 3, 1)(image)));
  const last = block(block(block(first, 16, 1), 32, 2), 64, 2);
  const mean = flatten()(averagePool2d({ poolSize: 8 })(last));
  const outputs = dense({ units: 10, kernelInitializer: "heNormal" })(mean);
  return model({ inputs: image, outputs, name: "resnet8", ...options });
}
