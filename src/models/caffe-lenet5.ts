/**
 * LeNet-5 as Caffe's example has it, and many papers on pruning after it: wider, maximum pooling, and one ReLU only, behind the first dense layer.
 *
 *     28x28x1 - conv 20@5x5 - pool 2 - conv 50@5x5 - pool 2 - dense 500 - dense 10 logits: 431 080 parameters
 */
import { conv2d, dense, flatten, type Model, maxPool2d, sequential } from "../model/index.ts";
import { type ClassifierOptions, referenceOptions, widths } from "./options.ts";

export interface CaffeLenet5Options extends ClassifierOptions {
  /** Of the two convolutions. Default [20, 50]. */
  filters?: readonly [first: number, second: number];
  /** Of the dense layer before the logits. Default 500. */
  units?: number;
}

/** Default: 10 classes, [28, 28, 1]. `seed`: what the initial weights follow from. Default 0. */
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
