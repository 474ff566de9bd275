/** LeNet-300-100 (LeCun et al., 1998): the fully connected network that pruning is measured on; 266 610 parameters. */
import { knownOptions } from "../base/errors.ts";
import { type BuildOptions, dense, flatten, type Model, sequential } from "../model/index.ts";

/** 28x28x1 - dense 300 - dense 100 - dense 10 logits. `seed`: what the initial weights follow from. Default 0. */
export function lenet300100(options: BuildOptions = {}): Model {
  knownOptions("lenet300100", options, ["seed", "name"]);
  return sequential(
    [
      flatten({ inputShape: [28, 28, 1] }),
      dense({ units: 300, activation: "relu" }),
      dense({ units: 100, activation: "relu" }),
      dense({ units: 10 }),
    ],
    { name: "lenet300100", ...options },
  );
}
