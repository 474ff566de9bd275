/**
 * LeNet-5 of Caffe's example, used by many papers on pruning: wider, maximum pooling, and only one ReLU, after the
 * first dense layer.
 *
 *     28x28x1 - conv 20@5x5 - pool 2 - conv 50@5x5 - pool 2 - dense 500 - dense 10 logits: 431 080 parameters
 */
import { conv2d, dense, flatten, type Model, maxPool2d, sequential } from "../model/index.ts";
import { type ClassifierOptions, referenceOptions, widths } from "./options.ts";

export interface CaffeLenet5Options extends ClassifierOptions {
  /** Filters of the two convolutions. Default [20, 50]. */
  filters?: readonly [first: number, second: number];
  /** Units of the dense layer before the logits. Default 500. */
  units?: number;
}

/** Default: 10 classes, [28, 28, 1]. `seed`: of the initial weights. Default 0. */
export function caffeLenet5(options: CaffeLenet5Options = {}): Model {
  const usual = { classes: 10, inputShape: [28, 28, 1], filters: [20, 50] as const, units: 500 };
  const { own, build } = referenceOptions("caffeLenet5", options, usual);
  const [first, second] = widths("filters", own.filters, 2) as [number, number];
  return sequential(
    [
      conv2d({ filters: first, kernelSize: 5, inputShape: own.inputShape }),
      maxPool2d(),
      conv2d({ filters: second, kernelSize: 5 }),
      maxPool2d(),
      flatten(),
      dense({ units: own.units, activation: "relu" }),
      dense({ units: own.classes }),
    ],
    build,
  );
}
