/**
 * LeNet-5 as Caffe's example has it, and many papers on pruning after it: wider, maximum pooling, and one ReLU only, behind the first dense layer.
 *
 *     28x28x1 - conv 20@5x5 - pool 2 - conv 50@5x5 - pool 2 - dense 500 - dense 10 logits: 431 080 parameters
 */
import { knownOptions } from "../base/errors.ts";
import { type BuildOptions, conv2d, dense, flatten, type Model, maxPool2d, sequential } from "../model/index.ts";

/** `seed`: what the initial weights follow from. Default 0. */
export function caffeLenet5(options: BuildOptions = {}): Model {
  knownOptions("caffeLenet5", options, ["seed", "name"]);
  return sequential(
    [
      conv2d({ filters: 20, kernelSize: 5, inputShape: [28, 28, 1] }),
      maxPool2d(),
      conv2d({ filters: 50, kernelSize: 5 }),
      maxPool2d(),
      flatten(),
      dense({ units: 500, activation: "relu" }),
      dense({ units: 10 }),
    ],
    { name: "caffeLenet5", ...options },
  );
}
