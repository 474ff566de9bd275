/** Validation data: a data set, or Keras' pair of arrays. */
import { wrongType } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import { Dataset, type DatasetOptions } from "../data/dataset.ts";

type X = NonNullable<DatasetOptions["x"]>;
type Y = NonNullable<DatasetOptions["labels"]> | NonNullable<DatasetOptions["targets"]>;
type Weights = NonNullable<DatasetOptions["sampleWeights"]>;

/** Samples, their labels or targets, and their weights. Samples of bytes are scaled like those of the training. */
export type Validation = Dataset | readonly [x: X, y: Y, sampleWeights?: Weights];

/** `y` holds labels if the training data have labels, else targets. `shape`: of the samples a network takes. */
export function validationOf(given: Validation, training: Dataset, shape: Shape): Dataset {
  if (given instanceof Dataset) return given;
  if (!Array.isArray(given) || given.length < 2 || given.length > 3)
    throw wrongType("validation", "a Dataset or [x, y]", given);
  const [x, y, sampleWeights] = given as [X, Y, Weights?];
  const { classes, targetShape, preprocessing } = training;
  const answers = classes ? { labels: y as DatasetOptions["labels"] & object, classes } : { targets: y, targetShape };
  const made = new Dataset({ x, shape, ...answers, ...(sampleWeights && { sampleWeights }) } as DatasetOptions);
  return made.dtype === "u8" && preprocessing ? made.preprocess(preprocessing) : made;
}
