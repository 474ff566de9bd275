/**
 * The stages of `penjing demo`, in the order of the article that does the same with TensorFlow: training, pruning,
 * shared weights, quantization, slimming, other activations, and all of it together.
 */
import {
  clipActivations,
  clusterWeights,
  constantSparsity,
  polynomialDecay,
  prune,
  pruneLowMagnitude,
  pruneOnce,
  quantizeDynamic,
  quantizeModel,
  quantizeStatic,
  slim,
  swapActivation,
} from "../compress/index.ts";
import type { Dataset } from "../data/index.ts";
import type { Model, TrainingHistory } from "../model/index.ts";
import { lenet5 } from "../models/index.ts";
import { adam, type FitOptions } from "../train/index.ts";

export const BATCH = 64;
const LEARNING_RATE = 1e-3;
/** For codebooks and for layers whose weights are rounded while they train. */
const LOW_RATE = 3e-4;
const FINE_TUNING = 2;
const CALIBRATION = 512;

/** Figures of TensorFlow 2.21 with tfmot 0.8.1 for the same step: the fraction of right answers, and .tflite bytes. */
export interface Known {
  readonly testAccuracy: number;
  readonly fileBytes: number;
}

export interface StageOf {
  readonly name: StageName;
  /** The same by TensorFlow, as in docs/from-tensorflow.md. */
  readonly tensorflow?: Known;
  /** Makes the model, which is saved by that name. */
  make(): Promise<Model>;
}

export type StageName =
  | "untrained"
  | "float"
  | "threshold"
  | "ratio"
  | "gradient"
  | "constant"
  | "pruned"
  | "single-layers"
  | "custom-schedule"
  | "shared"
  | "int8"
  | "int8-clipped"
  | "dynamic"
  | "aware-int8"
  | "aware-4-bits"
  | "slim"
  | "clipped-activations"
  | "leaky-relu"
  | "pruned+int8"
  | "all";

export interface Means {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly epochs: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Trains with progress on the terminal. */
  fit(title: StageName, model: Model, options: Omit<FitOptions, "regularizers">): Promise<TrainingHistory>;
}

export interface Article {
  readonly model: Model;
  readonly stages: readonly StageOf[];
  /** The history of the training of "float". */
  history(): TrainingHistory;
}

/** The stages, each made from models of stages before it. */
export function article({ train, test, epochs, seed, signal, fit }: Means): Article {
  const model = lenet5({ seed });
  const calibration = train.take(CALIBRATION);
  const steps = Math.ceil(train.length / BATCH);
  const fitted = async (name: StageName, made: Model, options: Omit<FitOptions, "regularizers"> = {}) => {
    await fit(name, made, { batchSize: BATCH, seed, epochs: 1, optimizer: adam(LEARNING_RATE), ...options });
    return made;
  };
  const low = () => ({ optimizer: adam(LOW_RATE) });
  const integers = (made: Model) => quantizeStatic(made, { calibration, signal });
  let history: TrainingHistory;
  let pruned: Model;
  let small: Model;

  const stages: StageOf[] = [
    { name: "untrained", make: async () => model },
    {
      name: "float",
      tensorflow: { testAccuracy: 0.9859, fileBytes: 181_668 },
      async make() {
        const options = { batchSize: BATCH, seed, epochs, optimizer: adam(LEARNING_RATE), validation: test };
        history = await fit("float", model, options);
        return model;
      },
    },
    // without training
    { name: "threshold", make: async () => pruneOnce(model, { threshold: 0.03 }) },
    { name: "ratio", make: async () => pruneOnce(model, 0.5) },
    {
      name: "gradient",
      make: () => pruneOnce(model, { sparsity: 0.5, criterion: "taylor", scope: "global", data: train.take(2048) }),
    },
    // during training
    {
      name: "constant",
      tensorflow: { testAccuracy: 0.9882, fileBytes: 181_668 },
      make() {
        const schedule = constantSparsity({ targetSparsity: 0.5, frequency: "10%" });
        return fitted("constant", pruneLowMagnitude(model, { schedule }));
      },
    },
    {
      name: "pruned",
      tensorflow: { testAccuracy: 0.9883, fileBytes: 181_668 },
      async make() {
        const schedule = polynomialDecay({ initialSparsity: 0.5, finalSparsity: 0.8, endStep: "50%" });
        pruned = await fitted("pruned", pruneLowMagnitude(model, { schedule }), { epochs: FINE_TUNING });
        return pruned;
      },
    },
    {
      name: "single-layers",
      make() {
        const schedule = polynomialDecay({ initialSparsity: 0.5, finalSparsity: 0.9, endStep: "50%", frequency: "5%" });
        return fitted("single-layers", pruneLowMagnitude(model, { schedule, layers: ["dense", "dense_1"] }));
      },
    },
    {
      name: "custom-schedule",
      make() {
        // 80 % after half of the epoch, a little more every few steps
        const schedule = (step: number) => ({ prune: step % 5 === 0, sparsity: Math.min(0.8, (1.6 * step) / steps) });
        return fitted("custom-schedule", prune(model, { schedule, scope: "global" }));
      },
    },
    {
      name: "shared",
      make: () => fitted("shared", clusterWeights(model, { clusters: 16 }), low()),
    },
    // integers
    {
      name: "int8",
      tensorflow: { testAccuracy: 0.986, fileBytes: 55_336 },
      make: () => integers(model),
    },
    { name: "int8-clipped", make: () => quantizeStatic(model, { calibration, range: "percentile", signal }) },
    {
      name: "dynamic",
      tensorflow: { testAccuracy: 0.9861, fileBytes: 54_808 },
      make: () => quantizeDynamic(model),
    },
    {
      name: "aware-int8",
      tensorflow: { testAccuracy: 0.9907, fileBytes: 51_400 },
      make: async () => quantizeStatic(await fitted("aware-int8", quantizeModel(model), low()), { signal }),
    },
    {
      name: "aware-4-bits",
      async make() {
        const aware = quantizeModel(model, { weights: 4 });
        return quantizeStatic(await fitted("aware-4-bits", aware, low()), { signal });
      },
    },
    // fewer channels, other activations
    {
      name: "slim",
      async make() {
        small = await slim(model, { keep: { macs: 0.5 }, signal });
        return fitted("slim", small, { teacher: model, alpha: 0.5 });
      },
    },
    {
      name: "clipped-activations",
      make: async () => integers(await clipActivations(model, { data: calibration, percentile: 99.9, signal })),
    },
    {
      name: "leaky-relu",
      make: async () => fitted("leaky-relu", await swapActivation(model, { from: "relu", to: "leakyRelu" })),
    },
    // together
    {
      name: "pruned+int8",
      tensorflow: { testAccuracy: 0.9882, fileBytes: 55_336 },
      make: () => integers(pruned),
    },
    {
      name: "all",
      async make() {
        const schedule = polynomialDecay({ initialSparsity: 0.5, finalSparsity: 0.8, endStep: "50%", frequency: "5%" });
        const sparse = await fitted("all", prune(small, { schedule, scope: "global" }), { epochs: FINE_TUNING });
        const shared = clusterWeights(sparse, { clusters: 16 });
        return quantizeStatic(await fitted("all", quantizeModel(shared), low()), { signal });
      },
    },
  ];
  return { model, stages, history: () => history };
}
