/** LeNet-300-100 (LeCun et al., 1998): the fully connected network that pruning is measured on; 266 610 parameters. */
import { dense, flatten, type Model, sequential } from "../model/index.ts";
import { type ClassifierOptions, referenceOptions, widths } from "./options.ts";

export interface Lenet300100Options extends ClassifierOptions {
  /** Units of the two dense layers before the logits. Default [300, 100]. */
  units?: readonly [first: number, second: number];
}

/** 28x28x1 - dense 300 - dense 100 - dense 10 logits. `seed`: of the initial weights. Default 0. */
export function lenet300100(options: Lenet300100Options = {}): Model {
  const usual = { classes: 10, inputShape: [28, 28, 1], units: [300, 100] as const };
  const { own, build } = referenceOptions("lenet300100", options, usual);
  const units = widths("units", own.units, 2) as [number, number];
  return sequential(
    [
      flatten({ inputShape: own.inputShape }),
      dense({ units: units[0], activation: "relu" }),
      dense({ units: units[1], activation: "relu" }),
      dense({ units: own.classes }),
    ],
    build,
  );
}
