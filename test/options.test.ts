/**
 * A misspelt option is an error for every function with options: every exported function is in one of the lists below.
 */
import { describe, expect, test } from "vitest";
import * as data from "../src/data/index.ts";
import * as tflite from "../src/formats/tflite/index.ts";
import * as penjing from "../src/index.ts";
import * as run from "../src/run/index.ts";
import { adam } from "../src/train/optimizers.ts";

type Calls = Record<string, (...given: unknown[]) => unknown>;
/** Deliberately wrong calls have no types. */
const untyped = (of: object): Calls => of as Calls;
const api = untyped({ ...penjing, ...data, ...run, ...tflite });
const wrong = { nonsense: 1 };

const model = (): penjing.Model => penjing.sequential([penjing.dense({ units: 2, inputShape: [3] })]);
const rows = (): data.Dataset => new data.Dataset({ images: new Uint8Array(12), shape: [3], labels: [0, 1, 0, 1] });
const masked = { schedule: penjing.constantSparsity({ targetSparsity: 0.5 }), ...wrong };

/** Calls with an option that does not exist. */
const calls: Record<string, () => unknown> = {
  ...Object.fromEntries(
    [
      ...["add", "averagePool2d", "batchNormalization", "concatenate", "conv2d", "dense", "depthwiseConv2d", "elu"],
      ...["flatten", "globalAveragePool2d", "input", "leakyReLU", "l1l2", "maxPool2d", "model", "multiply", "prelu"],
      ...["relu", "reshape", "softmax", "subtract", "zeroPadding2d", "average", "averagePool1d", "conv1d"],
      ...["conv2dTranspose", "globalAveragePool1d", "globalMaxPool1d", "globalMaxPool2d", "layerNormalization"],
      ...["maximum", "minimum", "maxPool1d", "rescaling", "separableConv2d", "upSampling2d"],
      ...["autoencoder", "caffeLenet5", "dsCnn", "lenet5", "lenet300100", "mobilenetV1", "resnet8"],
      ...["accuracy", "binaryAccuracy", "binaryCrossentropy", "categoricalCrossentropy", "entropy", "huber"],
      ...["klDivergence", "meanAbsoluteError", "meanSquaredError", "sparseCategoricalCrossentropy"],
      ...["earlyStopping", "modelCheckpoint", "reduceLearningRateOnPlateau", "constantSparsity", "polynomialDecay"],
      ...["mnist", "fashionMnist", "Dataset"],
    ].map(name => [name, () => (name === "Dataset" ? Reflect.construct(data.Dataset, [wrong]) : api[name]!(wrong))]),
  ),
  ...Object.fromEntries(
    Object.entries(penjing.initializers).map(([name, make]) => [name, () => Reflect.apply(make, undefined, [wrong])]),
  ),
  constant: () => Reflect.apply(penjing.initializers.constant, undefined, [wrong]),
  activation: () => api.activation!("relu", wrong),
  dropout: () => api.dropout!(0.5, wrong),
  sequential: () => api.sequential!([penjing.dense({ units: 1, inputShape: [2] })], { inputs: 1 }),
  "kernelRegularizer of a layer": () => api.dense!({ units: 1, kernelRegularizer: { l3: 1 } }),
  sgd: () => api.sgd!(0.1, wrong),
  rmsprop: () => api.rmsprop!(0.1, wrong),
  adam: () => api.adam!(0.1, wrong),
  adamW: () => api.adamW!(0.1, wrong),
  cosineDecay: () => api.cosineDecay!(0.1, { decaySteps: 10, ...wrong }),
  exponentialDecay: () => api.exponentialDecay!(0.1, { decaySteps: 10, decayRate: 0.5, ...wrong }),
  Trainer: () => untyped(penjing.Trainer).create!(model().graph, { loss: penjing.meanSquaredError(), ...wrong }),
  "Trainer's batches": () =>
    untyped(penjing.Trainer).create!(model().graph, {
      loss: penjing.meanSquaredError(),
      evaluate: { ...penjing.arrays(1), ...wrong },
    }),
  pruneLowMagnitude: () => api.pruneLowMagnitude!(model(), masked),
  "pruneLowMagnitude of a layer": () => api.pruneLowMagnitude!(penjing.dense({ units: 1 }), masked),
  prune: () => api.prune!(model(), masked),
  "prune's granularity": () => api.prune!(model(), { granularity: { n: 1, m: 2, ...wrong } }),
  rigl: () => api.rigl!(model(), { sparsity: 0.5, ...wrong }),
  automatedGradualPruning: () => api.automatedGradualPruning!({ finalSparsity: 0.5, ...wrong }),
  oneShot: () => api.oneShot!({ targetSparsity: 0.5, ...wrong }),
  pruneOnce: () => api.pruneOnce!(model(), { sparsity: 0.5, ...wrong }),
  clipActivations: () => api.clipActivations!(model(), { learned: true, ...wrong }),
  swapActivation: () => api.swapActivation!(model(), { to: "relu6", ...wrong }),
  gate: () => api.gate!(model(), wrong),
  clusterWeights: () => api.clusterWeights!(model(), wrong),
  slim: () => api.slim!(model(), { keep: 0.5, ...wrong }),
  sensitivity: () => api.sensitivity!(model(), rows(), wrong),
  compare: () => api.compare!(model(), model(), rows(), wrong),
  quantizeStatic: () => api.quantizeStatic!(model(), { calibration: rows(), ...wrong }),
  quantizeModel: () => api.quantizeModel!(model(), wrong),
  quantizationReport: () => api.quantizationReport!(model(), rows(), { calibration: rows(), ...wrong }),
  quantizeDynamic: () => api.quantizeDynamic!(model(), wrong),
  Model: () => Reflect.construct(penjing.Model, [model().graph, wrong]),
  "Model.fit": () => untyped(model()).fit!(rows(), wrong),
  "Model.evaluate": () => untyped(model()).evaluate!(rows(), wrong),
  "Model.trainStep": () => untyped(model()).trainStep!([1, 2, 3], [1], wrong),
  "Model.setWeights": () => untyped(model()).setWeights!({ "dense/bias": { data: [1, 2], ...wrong } }),
  "Model.net": () => untyped(model()).net!(wrong),
  "Model.toBytes": () => untyped(model()).toBytes!(wrong),
  "Model.save": () => untyped(model()).save!("none.penjing", wrong),
  ...Object.fromEntries(
    (["evaluate", "net", "toBytes", "save"] as const).map(name => [
      `${name} of a quantized Model`,
      async () => {
        const small = untyped(await penjing.quantizeDynamic(model()));
        const before = { evaluate: [rows()], net: [], toBytes: [], save: ["none.penjing"] }[name];
        return small[name]!(...before, wrong);
      },
    ]),
  ),
  loadModel: () => api.loadModel!(model().toBytes(), wrong),
  load: () => api.load!(model().toBytes(), wrong),
  loadTflite: () => api.loadTflite!(new Uint8Array(9), wrong),
  Net: () => untyped(run.Net).create!(model().graph, wrong),
  "Net.predict": async () => untyped(await model().net()).predict!([1, 2, 3], wrong),
  "Net.run": async () => untyped(await model().net()).run!([1, 2, 3], wrong),
  "Net.predictBatch": async () => untyped(await model().net()).predictBatch!([[1, 2, 3]], wrong),
  "Net.classify": async () => untyped(await model().net()).classify!([1, 2, 3], wrong),
  "Dataset.map": () => untyped(rows()).map!((row: unknown) => row, wrong),
  "Dataset.normalise": () => untyped(rows()).normalise!({ mean: 0, std: 1, ...wrong }),
  "Dataset.preprocess": () => untyped(rows()).preprocess!(wrong),
  ...Object.fromEntries(
    [{ means: [1] }, { scale: 1, std: [1], ...wrong }].flatMap((preprocessing, i) => [
      [`preprocessing of toBytes, ${i}`, () => untyped(model()).toBytes!({ preprocessing })],
      [`preprocessing of save, ${i}`, () => untyped(model()).save!("none.penjing", { preprocessing })],
      [`preprocessing of load, ${i}`, () => api.load!(model().toBytes(), { preprocessing })],
      [`preprocessing of net, ${i}`, () => untyped(model()).net!({ preprocessing })],
      [
        `preprocessing of Net.create with two inputs, ${i}`,
        () => untyped(run.Net).create!(twoInputs().graph, { preprocessing }),
      ],
      [`preprocessing of map, ${i}`, () => untyped(rows()).map!((row: unknown) => row, { preprocessing })],
    ]),
  ),
};

function twoInputs(): penjing.Model {
  const [a, b] = [penjing.input({ shape: [2] }), penjing.input({ shape: [2] })];
  return penjing.model({ inputs: [a, b], outputs: penjing.add()(a, b) });
}

/** Exported functions without an options object. */
const WITHOUT = [
  ...["distinctValues", "stripClustering", "toFloat16"],
  ...["analyze", "analyzeFile", "arrays", "chooseVariant", "confusionMatrix", "csvLogger", "forceVariant", "History"],
  ...["l1", "l2", "lossFor", "perClassAccuracy", "piecewiseConstant", "printArena", "printGraph", "printProgram"],
  ...[
    "PenjingError",
    "progressBar",
    "readCheckpoint",
    "rewind",
    "simplify",
    "sparsity",
    "stripPruning",
    "supported",
    "topK",
  ],
  ...["writeCheckpoint", "checkFinite", "checkLabels", "parseIdx", "readIdx", "showDataset"],
];

const failure = async (call: () => unknown): Promise<Error | undefined> => {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error as Error;
  }
};

describe("penjing: unknown keys", () => {
  test.each(Object.entries(calls))("%s", async (_, call) => {
    const error = await failure(call);
    expect(error).toBeInstanceOf(TypeError);
    expect(error!.message).toMatch(
      /has no option "(nonsense|means|inputs|l3)"|takes no arguments|"value" expected finite/,
    );
  });

  test("every exported function is known to take options or not to", () => {
    const functions = Object.keys(api).filter(name => typeof api[name] === "function");
    expect(functions.filter(name => !(name in calls) && !WITHOUT.includes(name))).toEqual([]);
    expect(WITHOUT.filter(name => !functions.includes(name))).toEqual([]);
  });

  test("huber(1) and other values that are no options objects", async () => {
    expect(() => api.huber!(1)).toThrow('"huber" expected an options object, got 1');
    expect(() => api.accuracy!(0.5)).toThrow('"accuracy" takes no arguments, got 0.5');
    expect(() => api.cosineDecay!(1e-3)).toThrow('"cosineDecay" expected options: decaySteps');
    expect(() => api.exponentialDecay!(1e-3)).toThrow('"exponentialDecay" expected options: decaySteps');
    expect(() => api.model!()).toThrow('"model" expected options: inputs');
  });
});

describe("Model.fit: wrong options", () => {
  const fit = (options: object): Promise<unknown> => model().fit(rows(), options);
  class Own {
    readonly best = 1;
    onEpochEnd(): void {}
    helper(): void {}
  }
  class Misspelt extends Own {
    onEpochFinish(): void {}
  }

  test.each<[string, object, string]>([
    ["a function", { callbacks: [() => {}] }, '"callbacks[0]" expected objects with onTrainBegin'],
    [
      "one callback",
      { callbacks: penjing.earlyStopping() },
      '"callbacks" expected a list of objects with onTrainBegin',
    ],
    [
      "an unknown call",
      { callbacks: [{ onEpochFinish() {} }] },
      '"callbacks[0]" has no call "onEpochFinish"; fit knows on',
    ],
    ["another name", { callbacks: [{ epochEnd() {}, onEpochEnd() {} }] }, '"callbacks[0]" has no call "epochEnd"'],
    ["a misspelt method", { callbacks: [new Own(), new Misspelt()] }, '"callbacks[1]" has no call "onEpochFinish"'],
    ["no call at all", { callbacks: [{}] }, '"callbacks[0]" expected objects with onTrainBegin'],
    ["no function", { callbacks: [{ onEpochEnd: true }] }, '"callbacks[0].onEpochEnd" expected a function, got true'],
    ["no hook", { hooks: [{ act() {} }] }, '"hooks[0]" expected objects with next and act'],
    [
      "an unknown optimizer",
      { optimizer: "lion" },
      'fit: "optimizer" expected one of "adam", "adamW", "rmsprop", "sgd"',
    ],
    ["no optimizer", { optimizer: 1e-3 }, 'fit: "optimizer" expected an optimizer such as adam() or "adam", got 0.001'],
    ["an unknown loss", { loss: "mean" }, 'fit: "loss" expected one of "sparseCategoricalCrossentropy"'],
    ["an unknown metric", { metrics: ["f1"] }, 'fit: "metrics[0]" expected one of "accuracy"'],
    ["one metric", { metrics: penjing.accuracy() }, '"metrics" expected a list of metrics'],
    ["no progress", { onProgress: true }, '"onProgress" expected a function, got true'],
    ["no validation", { validation: 7 }, 'fit: "validation" expected a Dataset or [x, y], got 7'],
  ])("%s is refused before anything is trained", async (_, options, message) => {
    await expect(fit(options)).rejects.toThrow(message);
  });

  test("callbacks of a class may have more than their calls", async () => {
    await expect(fit({ callbacks: [new Own(), penjing.csvLogger(() => {})] })).resolves.toBeDefined();
  });

  test("arrays in place of a Dataset are refused", async () => {
    const wrongly = untyped(model());
    for (const call of [() => wrongly.fit!([1], [1]), () => wrongly.fit!(), () => wrongly.evaluate!({ x: [] })])
      await expect(call()).rejects.toThrow(
        '"dataset" expected a Dataset: new Dataset({ x, shape, labels or targets })',
      );
  });

  test("resume with another batchSize is refused, by checkpoints in bytes too", async () => {
    const options = { epochs: 2, batchSize: 3, optimizer: adam(0.01) };
    const { checkpoint } = await model().fit(rows(), { ...options, epochs: 1 });
    for (const resume of [checkpoint, penjing.readCheckpoint(penjing.writeCheckpoint(checkpoint))]) {
      await expect(fit({ ...options, batchSize: 2, resume })).rejects.toThrow(
        '"batchSize" expected 3, that of the training which is resumed, got 2',
      );
      await expect(fit({ ...options, resume })).resolves.toBeDefined();
    }
  });
});
