/**
 * First attempts of users of Keras and TensorFlow.js, and the messages they get: in the library's grammar, with the
 * function's name and without internal terms.
 */
import { describe, expect, test } from "vitest";
import { Dataset } from "../src/data/index.ts";
import * as penjing from "../src/index.ts";
import * as report from "../src/report/index.ts";
import { load } from "../src/run/index.ts";

type Call = (...given: unknown[]) => unknown;
/** Deliberately wrong calls have no types. */
const untyped = (of: object): Record<string, Call> => of as Record<string, Call>;
const api = untyped(penjing);
const pages = untyped(report);

const model = () => penjing.sequential([penjing.dense({ units: 4, inputShape: [3] })], { seed: 1 });
const rows = () =>
  new Dataset({ x: Float32Array.from({ length: 24 }, (_, i) => i / 10), shape: [3], labels: [0, 1, 2, 3, 0, 1, 2, 3] });
const fit = (options: object) => () => untyped(model()).fit!(rows(), options);
const integer = () => penjing.quantizeStatic(model(), { calibration: rows() });
const loaded = async () => untyped(await penjing.loadModel((await integer()).toBytes()));
const text = (characters: string) => new TextEncoder().encode(characters);
const QUANTIZED = "this network is quantized already: ";

/** The call, and the beginning of its message, or the whole of it if it is short. */
const TABLE: Record<string, [call: () => unknown, message: string]> = {
  'fit(d, { optimizer: "lion" })': [
    fit({ optimizer: "lion" }),
    'fit: "optimizer" expected one of "adam", "adamW", "rmsprop", "sgd", got "lion"',
  ],
  'fit(d, { loss: "mean" })': [fit({ loss: "mean" }), 'fit: "loss" expected one of "sparseCategoricalCrossentropy",'],
  'fit(d, { metrics: ["f1"] })': [fit({ metrics: ["f1"] }), 'fit: "metrics[0]" expected one of "accuracy",'],
  "fit(d, { metrics: accuracy() })": [
    fit({ metrics: penjing.accuracy() }),
    'fit: "metrics" expected a list of metrics such as accuracy()',
  ],
  "fit(d, { callbacks: earlyStopping() })": [
    fit({ callbacks: penjing.earlyStopping() }),
    'fit: "callbacks" expected a list of objects with onTrainBegin,',
  ],
  "fit(d, { callbacks: [() => {}] })": [
    fit({ callbacks: [() => {}] }),
    'fit: "callbacks[0]" expected objects with onTrainBegin,',
  ],
  "fit(d, { callbacks: [{ onEpochFinish() {} }] })": [
    fit({ callbacks: [{ onEpochFinish() {} }] }),
    'fit: "callbacks[0]" has no call "onEpochFinish"; fit knows onTrainBegin,',
  ],
  "fit(d, { validation: true })": [
    fit({ validation: true }),
    'fit: "validation" expected a Dataset or [x, y], got true',
  ],
  "fit(d, { validation: [x] })": [
    fit({ validation: [new Float32Array(3)] }),
    'fit: "validation" expected a Dataset or [x, y], got [Float32Array(3)]',
  ],
  'fit(d of labels, { metrics: ["mse"] })': [
    fit({ metrics: ["mse"] }),
    'fit: "metrics" expected metrics of class numbers, which the loss compares with, got "mse"',
  ],
  "fit()": [
    () => untyped(model()).fit!(),
    'fit: "dataset" expected a Dataset: new Dataset({ x, shape, labels or targets }), got undefined',
  ],
  "fit({ x, y })": [
    () => untyped(model()).fit!({ x: [1], y: [1] }),
    'fit: "dataset" expected a Dataset: new Dataset({ x, shape, labels or targets }), got Object',
  ],
  "fit(xs, ys)": [
    () => untyped(model()).fit!(new Float32Array(3), [1]),
    'fit: "dataset" expected a Dataset: new Dataset({ x, shape, labels or targets }), got Float32Array(3)',
  ],
  "fit(d, ys)": [
    () => untyped(model()).fit!(rows(), Uint8Array.of(1)),
    '"fit" expected options behind a Dataset, which holds labels or targets too: new Dataset(',
  ],
  'fit(d, { resume: "nothing.bin" })': [
    fit({ resume: "/nowhere/nothing.bin" }),
    'cannot read "/nowhere/nothing.bin": there is no such file',
  ],
  "huber(1)": [() => api.huber!(1), '"huber" expected an options object, got 1'],
  "huber({ dleta: 2 })": [() => api.huber!({ dleta: 2 }), '"huber" has no option "dleta"; it knows delta'],
  "save with preprocessing of means": [
    () => untyped(model()).toBytes!({ preprocessing: { means: [1] } }),
    '"preprocessing" has no option "means"; it knows',
  ],
  "fit(d, { sampleWeights })": [
    fit({ sampleWeights: [1] }),
    '"fit" has no option "sampleWeights": weights of rows belong to the data set, new Dataset(',
  ],
  "fit(d, { resume: 7 })": [
    fit({ resume: 7 }),
    'fit: "resume" expected a checkpoint: that of a model or history, its JSON, or a file of saveCheckpoint, got 7',
  ],
  "fit(d, { resume: other bytes })": [
    fit({ resume: new Uint8Array(9) }),
    "this is no checkpoint of a training, as saveCheckpoint writes them (byte 0)",
  ],
  "fit(d, { signal: true })": [fit({ signal: true }), 'fit: "signal" expected an AbortSignal, got true'],
  "fit(d, { onProgress: true })": [fit({ onProgress: true }), 'fit: "onProgress" expected a function, got true'],
  "fit(d, { regularizers: {} })": [fit({ regularizers: {} }), '"fit" has no option "regularizers"; it knows epochs,'],
  "fit(d, { verbose: 2 })": [fit({ verbose: 2 }), 'fit: "verbose" expected 0 or 1, got 2'],
  "fit(d, { restart: 1 })": [fit({ restart: 1 }), 'fit: "restart" expected a boolean, got 1'],
  "fit of samples of another shape": [
    () => model().fit(new Dataset({ x: [[1, 2]], labels: [0] })),
    'fit: "dataset" expected samples of 3, got 2',
  ],
  "fit of pictures of another shape": [
    () => penjing.lenet5().fit(new Dataset({ x: new Uint8Array(64), shape: [8, 8, 1], labels: [0] })),
    'fit: "dataset" expected images of 28x28x1, got 8x8x1',
  ],
  "fit of rows without labels": [
    () => model().fit(new Dataset({ x: [[1, 2, 3]] })),
    'fit: "dataset" expected labels or targets, got rows without',
  ],
  "evaluate of rows without labels": [
    () => model().evaluate(new Dataset({ x: [[1, 2, 3]] })),
    'evaluate: "dataset" expected labels or targets, got rows without',
  ],
  "evaluate of rows without labels, quantized": [
    async () => (await integer()).evaluate(new Dataset({ x: [[1, 2, 3]] })),
    'evaluate: "dataset" expected labels or targets, got rows without',
  ],
  "fit of two inputs": [
    () => {
      const [a, b] = [penjing.input({ shape: [3] }), penjing.input({ shape: [3] })];
      return penjing.model({ inputs: [a, b], outputs: penjing.add()(a, b) }).fit(rows());
    },
    'fit: "model" expected one input and one output to train and evaluate, got 2 and 1',
  ],
  "evaluate()": [() => untyped(model()).evaluate!(), 'evaluate: "dataset" expected a Dataset: new Dataset('],
  "evaluate(d, { signal: true })": [
    () => untyped(model()).evaluate!(rows(), { signal: true }),
    'evaluate: "signal" expected an AbortSignal, got true',
  ],
  "trainStep()": [() => untyped(model()).trainStep!(), 'trainStep: "x" expected an array of numbers, got undefined'],
  "trainStep(x)": [
    () => untyped(model()).trainStep!(new Float32Array(3)),
    'trainStep: "y" expected an array of numbers, got undefined',
  ],
  "trainStep(x, short y)": [
    () => model().trainStep(new Float32Array(12), new Float32Array(1)),
    'trainStep: "y" expected 16 numbers, got Float32Array(1)',
  ],
  "model()": [() => api.model!(), '"model" expected options: inputs, outputs, seed, name, got undefined'],
  "polynomialDecay()": [
    () => api.polynomialDecay!(),
    '"polynomialDecay" expected options: initialSparsity, finalSparsity,',
  ],
  "constantSparsity()": [
    () => api.constantSparsity!(),
    '"constantSparsity" expected options: targetSparsity, beginStep,',
  ],
  "cosineDecay(1e-3)": [() => api.cosineDecay!(1e-3), '"cosineDecay" expected options: decaySteps,'],
  "exponentialDecay(1e-3)": [
    () => api.exponentialDecay!(1e-3),
    '"exponentialDecay" expected options: decaySteps, decayRate,',
  ],
  "modelCheckpoint()": [() => api.modelCheckpoint!(), '"modelCheckpoint" expected options: path or write,'],
  "pruneLowMagnitude(m, 0.5)": [
    () => api.pruneLowMagnitude!(model(), 0.5),
    '"pruneLowMagnitude" expected options: schedule, layers, got 0.5',
  ],
  "prune(m, 0.5)": [
    () => api.prune!(model(), 0.5),
    '"prune" expected options: schedule, criterion, scope, granularity, layers, got 0.5',
  ],
  "prune(m, { criterion: () => 1 }), at once": [
    () => api.pruneOnce!(model(), { sparsity: 0.5, criterion: () => 1 }),
    'pruneOnce: "criterion" expected a list of scores, got 1',
  ],
  "pruneOnce of too few scores": [
    () => penjing.pruneOnce(model(), { sparsity: 0.5, criterion: ({ weights }) => weights.slice(1) }),
    'pruneOnce: "criterion" expected 12 scores for "dense/kernel", got 11',
  ],
  "pruneOnce(m, {})": [
    () => api.pruneOnce!(model(), {}),
    '"pruneOnce" expected either a sparsity or a threshold, got neither',
  ],
  "pruneOnce(m, { sparsity, threshold })": [
    () => api.pruneOnce!(model(), { sparsity: 0.5, threshold: 0.1 }),
    '"pruneOnce" expected either a sparsity or a threshold, got both',
  ],
  "pruneOnce(m, 80)": [
    () => api.pruneOnce!(model(), 80),
    'pruneOnce: "sparsity" expected finite number >= 0 and < 1, got 80',
  ],
  "automatedGradualPruning of 1": [
    () => penjing.automatedGradualPruning({ finalSparsity: 1 }),
    'automatedGradualPruning: "finalSparsity" expected finite number >= 0 and < 1, got 1',
  ],
  "rewind of a model without masks": [
    () => penjing.rewind(model(), {}),
    'rewind: "model" expected a Model with masks, as pruneOnce and fit after prune give it, got none',
  ],
  "slim(m, 0.5)": [
    () => api.slim!(model(), 0.5),
    '"slim" expected options: keep, score, data, multipleOf, layers, got 0.5',
  ],
  "slim(m, { keep: { macs, parameters } })": [
    () => api.slim!(penjing.lenet5(), { keep: { macs: 0.5, parameters: 0.5 } }),
    'slim: "keep" expected { macs } or { parameters }, got both',
  ],
  "slim of an unknown score": [
    () => api.slim!(model(), { keep: 0.5, score: "l3" }),
    'slim: "score" expected one of "l1", "l2", "gamma", "taylor", "apoz", got "l3"',
  ],
  "sensitivity of a quantized file": [
    async () => api.sensitivity!(await loaded(), rows()),
    `${QUANTIZED}measure the sensitivity of the float one it was made of`,
  ],
  "sensitivity(m)": [() => api.sensitivity!(model()), 'sensitivity: "data" expected a Dataset, got undefined'],
  "compare(a, b)": [() => api.compare!(model(), model()), 'compare: "data" expected a Dataset, got undefined'],
  "clipActivations(m)": [
    () => api.clipActivations!(model()),
    '"clipActivations" expected options: data, percentile, learned, l2, layers, got undefined',
  ],
  "swapActivation(m)": [() => api.swapActivation!(model()), '"swapActivation" expected options: from, to,'],
  "gate(m, { l1: -1 })": [() => penjing.gate(model(), { l1: -1 }), 'gate: "l1" expected finite number >= 0, got -1'],
  "report.measure(d)": [
    () => untyped(model().report).measure!(rows()),
    '"measure" expected an options object, got Dataset',
  ],
  "comparisonPage(m)": [
    () => pages.comparisonPage!(model()),
    '"comparisonPage" expected what compare returns, got Model',
  ],
  "sensitivityPage(m)": [
    () => pages.sensitivityPage!(model()),
    '"sensitivityPage" expected what sensitivity returns, got Model',
  ],
  "sensitivityChart(m)": [
    () => pages.sensitivityChart!(model()),
    '"sensitivityChart" expected what sensitivity returns, got Model',
  ],
  "modelPage()": [() => pages.modelPage!(), 'modelPage: "model" expected a Model, got undefined'],
  "rigl(m)": [() => api.rigl!(model()), '"rigl" expected options: sparsity, fraction,'],
  "oneShot()": [() => api.oneShot!(), '"oneShot" expected options: targetSparsity, step'],
  "automatedGradualPruning()": [
    () => api.automatedGradualPruning!(),
    '"automatedGradualPruning" expected options: finalSparsity,',
  ],
  "prune of a quantized file": [
    async () => api.prune!(await loaded()),
    `${QUANTIZED}prune the float one it was made of`,
  ],
  "quantizeStatic of a quantized file": [
    async () => api.quantizeStatic!(await loaded(), { calibration: rows() }),
    `${QUANTIZED}quantize the float one it was made of`,
  ],
  "quantizeDynamic of a quantized file": [
    async () => api.quantizeDynamic!(await loaded()),
    `${QUANTIZED}quantize the float one it was made of`,
  ],
  "pruneOnce of a quantized file": [
    async () => api.pruneOnce!(await loaded(), 0.5),
    `${QUANTIZED}prune the float one it was made of`,
  ],
  "fit of a quantized file": [
    async () => (await loaded()).fit!(rows()),
    `${QUANTIZED}train the float one it was made of`,
  ],
  "fit of a quantized model": [
    async () => (await integer()).fit(rows()),
    `${QUANTIZED}train the float one it was made of`,
  ],
  "trainStep of a quantized model": [
    async () => (await integer()).trainStep([1, 2, 3], [0]),
    `${QUANTIZED}train the float one it was made of`,
  ],
  "setWeights of a quantized model": [
    async () => (await integer()).setWeights({}),
    `${QUANTIZED}set the weights of the float one it was made of`,
  ],
  "Trainer of a quantized model": [
    async () =>
      penjing.Trainer.create((await integer()).graph, {
        loss: penjing.meanSquaredError(),
        evaluate: penjing.arrays(1),
      }),
    `${QUANTIZED}give a Trainer the float one it was made of`,
  ],
  "setWeights(short arrays)": [
    () => model().setWeights([new Float32Array(11), new Float32Array(4)]),
    'setWeights: "dense/kernel" expected 3x4 = 12 numbers, got ',
  ],
  "setWeights(too few)": [
    () => model().setWeights([new Float32Array(12)]),
    'setWeights: "weights" expected 2 weights, got 1',
  ],
  "saveCheckpoint before fit": [
    () => model().saveCheckpoint("never.bin"),
    '"saveCheckpoint" expected a model that was trained by fit,',
  ],
  "net.predict(dataset)": [
    async () => untyped(await model().net()).predict!(rows()),
    `predict: "x" expected numbers in arrays, or a picture (a model's predict takes data sets), got Dataset`,
  ],
  "net.classify(dataset)": [
    async () => untyped(await model().net()).classify!(rows()),
    `classify: "x" expected numbers in arrays, or a picture (a model's predict takes data sets), got Dataset`,
  ],
  "net.predictBatch(dataset)": [
    async () => untyped(await model().net()).predictBatch!(rows()),
    'predictBatch: "inputs" expected a list of inputs, or an array of whole samples, got Dataset',
  ],
  "earlyStopping without validation": [
    fit({ callbacks: [penjing.earlyStopping()] }),
    'earlyStopping: "monitor" expected one of loss, accuracy, learningRate, as fit was given no validation, ' +
      'got "valLoss"',
  ],
  "earlyStopping of an unknown measure": [
    fit({ validation: rows(), callbacks: [penjing.earlyStopping({ monitor: "valF1" })] }),
    'earlyStopping: "monitor" expected one of loss, accuracy, valLoss, valAccuracy, learningRate, got "valF1"',
  ],
  "load of HTML": [
    () => load(text("<!doctype html><html></html>")),
    "not a .penjing file but HTML: servers answer so where there is no such file (byte 0)",
  ],
  "loadModel of .tflite": [
    () => penjing.loadModel(text("\x1c\0\0\0TFL3 and so on")),
    "not a .penjing file but a TensorFlow Lite one: loadTflite of penjing/tflite reads it (byte 0)",
  ],
  "loadModel of .onnx": [
    () => penjing.loadModel(text("\x08\x07\x12\x07pytorch")),
    "not a .penjing file but looks like an ONNX one, which is not read (byte 0)",
  ],
  "loadModel of anything else": [() => penjing.loadModel(text("\x89PNG")), "not a .penjing file (byte 0)"],
  "conv2d({})": [() => api.conv2d!({}), 'conv2d: "kernelSize" expected a number or [down, right], got undefined'],
  "a named conv2d": [
    () => api.conv2d!({ name: "stem", kernelSize: 3 }),
    'conv2d "stem": "filters" expected integer >= 1, got undefined',
  ],
  "a misspelt option of a named dense": [() => api.dense!({ name: "head", unit: 3 }), '"dense" has no option "unit"'],
  "dropout(2)": [() => api.dropout!(2), 'dropout: "rate" expected'],
  'adam("x")': [() => api.adam!("x"), 'adam: "learningRate" expected finite number >= 0, got "x"'],
  "new Dataset()": [
    () => Reflect.construct(Dataset, []),
    '"Dataset" expected options: x, shape, labels or targets, got undefined',
  ],
  "new Dataset({ x: short })": [
    () => new Dataset({ x: new Float32Array(13), shape: [3] }),
    'Dataset: "x" expected whole rows of 3, got Float32Array(13)',
  ],
  "new Dataset without shape": [
    () => new Dataset({ x: [1, 2] }),
    'Dataset: "shape" expected an array of sizes, got undefined',
  ],
};

/** Internal terms. */
const TERMS = ["mask op", 'op "', "unfused", "fused", "leaf", "leaves", "stream", "twin", "baked?", "lower", "lacks"];
const ENGINES = ["undefined \\(reading", "is not a function", "iterable", "destructure"];
const INNER = new RegExp(`\\b(${[...TERMS, "tally", "graph", ...ENGINES].join("|")})\\b`);

const failure = async (call: () => unknown): Promise<Error> => {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was refused");
};

describe("penjing: messages", () => {
  test.each(Object.entries(TABLE))("%s", async (_, [call, expected]) => {
    const { message, stack } = await failure(call);
    expect(message.slice(0, expected.length)).toBe(expected);
    expect(message).not.toMatch(INNER);
    expect(message).not.toContain("\n");
    expect(stack).toContain(message);
  });

  test("errors of a callback are its own", async () => {
    const own = new TypeError("mine");
    const callbacks = [
      {
        onEpochEnd() {
          throw own;
        },
      },
    ];
    expect(await failure(fit({ callbacks }))).toBe(own);
    expect(own.message).toBe("mine");
  });
});

/** Formats a value as console.log of Node does. */
const inspect = (made: unknown): string =>
  (made as Record<symbol, () => string>)[Symbol.for("nodejs.util.inspect.custom")]!();

describe("penjing: console.log", () => {
  test.each<[string, () => unknown, string]>([
    ["a Model", () => model(), 'Model: "model"\n'],
    ["a quantized Model", () => integer(), 'Model: "model"\n'],
    ["a Dataset", () => rows(), "Dataset of 8 rows of 3, 4 classes"],
    [
      "a Dataset of targets",
      () =>
        new Dataset({
          x: [[1], [2]],
          targets: [
            [1, 2],
            [3, 4],
          ],
        }),
      "Dataset of 2 rows of 1, targets of 2",
    ],
    ["a Dataset without labels", () => new Dataset({ x: [[1], [2]] }), "Dataset of 2 rows of 1, no labels"],
    ["a history", () => model().fit(rows()), "epoch    loss  accuracy  learningRate\n"],
    ["a Net", () => model().net(), 'Net "model": f32 3 -> f32 4'],
  ])("of %s prints a description", async (_, make, expected) => {
    const made = await make();
    expect(inspect(made).slice(0, expected.length)).toBe(expected);
    expect(String(made)).toBe(inspect(made));
  });
});
