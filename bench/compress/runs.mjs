/** One network with one seed: trains what is asked for, each method once, and measures it. */
import { existsSync } from "node:fs";
import { adam, cosineDecay, quantizeDynamic, quantizeStatic } from "../../build/index.js";

const BATCH_SIZE = 64;
/** Images that activations get their ranges from, and that scores look at. */
const CALIBRATION = 512;
const FORMS = {
  float: model => model,
  int8: (model, { calibration, signal }) => quantizeStatic(model, { calibration, signal }),
  "int8 dynamic": model => quantizeDynamic(model),
};

/** The name of a row: "slim 1/2" or, in another form than float, "slim 1/2, int8". */
export const rowName = (method, form) => (form === "float" ? method : `${method}, ${form}`);

export class Runs {
  #trained = new Map();

  /**
   * `share`: of the epochs of each recipe, at least one. `milliseconds`: of timing a network. `checkpoint`: the file that
   * keeps the training of the float network. Default: none.
   */
  constructor({ network, methods, data, seed, share = 1, milliseconds, checkpoint, signal, verbose = 0 }) {
    Object.assign(this, { network, methods, data, seed, share, milliseconds, checkpoint, signal, verbose });
    this.calibration = data.train.take(CALIBRATION);
  }

  /** Epochs that a method is trained for, those of what it starts from included. */
  epochsOf(name) {
    const { from, epochs } = this.#recipe(name);
    return this.#scaled(epochs) + (from === undefined ? 0 : this.epochsOf(from));
  }

  /** The float model of a method, trained. */
  trained(name) {
    if (!this.#trained.has(name)) this.#trained.set(name, this.#train(name));
    return this.#trained.get(name);
  }

  /** A method in one form, measured: the only place that looks at the test images. */
  async measured(name, form) {
    const { data, milliseconds, signal, calibration } = this;
    const model = await FORMS[form](await this.trained(name), { calibration, signal });
    const validation = (await model.evaluate(data.validation, { metrics: ["accuracy"], signal })).accuracy;
    await model.report.measure({ data: data.test, milliseconds, signal });
    const { accuracy, bytes, micros, macs, nonZeros } = model.report.rows.at(-1);
    return { accuracy, validation, bytes, micros, macs, nonZeros };
  }

  #recipe(name) {
    const { epochs, rate } = this.network;
    return name === "float" ? { epochs, rate, make: () => this.network.build(this.seed) } : this.methods[name];
  }

  #scaled(epochs) {
    return Math.max(1, Math.round(this.share * epochs));
  }

  async #train(name) {
    const { data, seed, signal, verbose, calibration } = this;
    const { from, epochs, rate, make, finish = model => model.bake() } = this.#recipe(name);
    const model = await make(from && (await this.trained(from)), { train: data.train, calibration, signal });
    const options = {
      epochs: this.#scaled(epochs),
      batchSize: BATCH_SIZE,
      optimizer: adam(cosineDecay(rate, { decaySteps: "100%" })),
      seed,
      verbose,
      ...(signal && { signal }),
    };
    if (from === undefined && this.checkpoint) await this.#resumed(model, options);
    else await model.fit(data.train, options);
    return finish(model);
  }

  /** Trains the float network, or trains it on where an earlier process stopped. */
  async #resumed(model, options) {
    const { checkpoint, data } = this;
    try {
      await model.fit(data.train, { ...options, ...(existsSync(checkpoint) && { resume: checkpoint }) });
    } finally {
      if (model.checkpoint) await model.saveCheckpoint(checkpoint);
    }
  }
}
