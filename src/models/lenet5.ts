/**
 * LeNet-5 as the article "Gradient-based learning applied to document recognition" (LeCun et al., 1998) is usually built today: ReLU and
 * maximum pooling in place of sigmoids and averages, and a full table of connections.
 *
 *     28x28x1 - conv 6@5x5 - pool 2 - conv 16@5x5 - pool 2 - dense 120 - dense 84 - dense 10 logits: 44 426 parameters
 */
import { knownOptions } from "../base/errors.ts";
import { type BuildOptions, conv2d, dense, flatten, type Model, maxPool2d, sequential } from "../model/index.ts";

/** `seed`: what the initial weights follow from. Default 0. */
export function lenet5(options: BuildOptions = {}): Model {
  knownOptions("lenet5", options, ["seed", "name"]);
  return sequential(
    [
      conv2d({ filters: 6, kernelSize: 5, activation: "relu", inputShape: [28, 28, 1] }),
      maxPool2d(),
      conv2d({ filters: 16, kernelSize: 5, activation: "relu" }),
      maxPool2d(),
      flatten(),
      dense({ units: 120, activation: "relu" }),
      dense({ units: 84, activation: "relu" }),
      dense({ units: 10 }),
    ],
    { name: "lenet5", ...options },
  );
}
