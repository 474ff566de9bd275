/**
 * The recipes. Each starts from the trained float network, or from what another one made of it, changes it, and trains
 * it further: Adam, with a rate that goes to zero along half a cosine. Epochs, rates and schedules were chosen on
 * validation images.
 */
import { automatedGradualPruning, oneShot, prune, simplify, slim } from "../../build/index.js";

const gradually = finalSparsity => automatedGradualPruning({ finalSparsity, endStep: "40%", frequency: "2%" });

const pruned = (finalSparsity, options) => model =>
  prune(model, { schedule: gradually(finalSparsity), scope: "global", ...options });

const slimmed =
  macs =>
  (model, { calibration, signal }) =>
    slim(model, { keep: { macs }, score: "taylor", data: calibration, signal });

const everyForm = ["float", "int8", "int8 dynamic"];
const small = ["float", "int8"];

/** 95 of 100 weights of LeNet-5, wherever they are. */
const single = criterion => ({
  from: "float",
  epochs: 14,
  rate: 4e-3,
  make: pruned(0.95, { criterion }),
  forms: small,
});

/** Channels whose filters are all zero are removed. */
const removed = model => simplify(model.bake());

const dense = ({ op }) => op === "dense";
const hidden = ({ name }) => name !== "dense_2";
const hiddenDense = ({ name }) => name === "dense" || name === "dense_1";

const LENET5 = {
  float: { forms: everyForm },
  "slim 1/2": { from: "float", epochs: 5, rate: 2e-3, make: slimmed(0.5), forms: everyForm },
  "slim 1/4": { from: "float", epochs: 8, rate: 2e-3, make: slimmed(0.25), forms: small },
  "prune 95 %, taylor": { ...single("taylor"), forms: everyForm },
  "prune 95 %, magnitude": single("magnitude"),
  "prune 95 %, lamp": single("lamp"),
  "slim 1/2, prune 80 %": { from: "slim 1/2", epochs: 5, rate: 2e-3, make: pruned(0.8), forms: everyForm },
  "prune 2:4": {
    from: "float",
    epochs: 3,
    rate: 1e-3,
    make: model =>
      prune(model, {
        schedule: oneShot({ targetSparsity: 0.5 }),
        granularity: { n: 2, m: 4 },
        layers: dense, // filters of the convolutions have 25 and 150 weights, which 4 does not divide
      }),
    forms: small,
  },
  "prune 90 %, blocks 4x4": {
    from: "float",
    epochs: 5,
    rate: 2e-3,
    make: pruned(0.9, { granularity: [4, 4], layers: hiddenDense }),
    forms: small,
  },
  "prune 50 %, filters": {
    from: "float",
    epochs: 5,
    rate: 2e-3,
    make: pruned(0.5, { granularity: "filter", scope: "layer", layers: hidden }),
    finish: removed,
    forms: small,
  },
};

const RESNET8 = {
  float: { forms: small },
  "slim 1/2": { from: "float", epochs: 10, rate: 2e-3, make: slimmed(0.5), forms: small },
};

export const METHODS = { lenet5: LENET5, resnet8: RESNET8 };
