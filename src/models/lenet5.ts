/**
 * LeNet-5 of "Gradient-based learning applied to document recognition" (LeCun et al., 1998) as it is usually built
 * today: ReLU and maximum pooling instead of sigmoids and averages, and a full table of connections.
 *
 *     28x28x1 - conv 6@5x5 - pool 2 - conv 16@5x5 - pool 2 - dense 120 - dense 84 - dense 10 logits: 44 426 parameters
 */
import { conv2d, dense, flatten, type Model, maxPool2d, sequential } from "../model/index.ts";
import { type ClassifierOptions, referenceOptions, widths } from "./options.ts";

export interface Lenet5Options extends ClassifierOptions {
  /** Filters of the two convolutions. Default [6, 16]. */
  filters?: readonly [first: number, second: number];
  /** Units of the two dense layers before the logits. Default [120, 84]. */
  units?: readonly [first: number, second: number];
}

/** Default: 10 classes, [28, 28, 1]. `seed`: of the initial weights. Default 0. */
export function lenet5(options: Lenet5Options = {}): Model {
  const usual = { classes: 10, inputShape: [28, 28, 1], filters: [6, 16] as const, units: [120, 84] as const };
  const { own, build } = referenceOptions("lenet5", options, usual);
  const filters = widths("filters", own.filters, 2) as [number, number];
  const units = widths("units", own.units, 2) as [number, number];
  return sequential(
    [
      conv2d({ filters: filters[0], kernelSize: 5, activation: "relu", inputShape: own.inputShape }),
      maxPool2d(),
      conv2d({ filters: filters[1], kernelSize: 5, activation: "relu" }),
      maxPool2d(),
      flatten(),
      dense({ units: units[0], activation: "relu" }),
      dense({ units: units[1], activation: "relu" }),
      dense({ units: own.classes }),
    ],
    build,
  );
}
