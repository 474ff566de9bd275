/**
 * Accuracy and latency of a saved file: it is loaded again, and run on one test image after another, as in a page.
 *
 * Latency is that of one call from JavaScript that writes one image and reads its results: the median over the test
 * images, after a warm-up on the first `WARM_UP` of them.
 */
import { statSync } from "node:fs";
import { size } from "../base/shape.ts";
import type { Source } from "../base/source.ts";
import { sparsity } from "../compress/index.ts";
import type { Dataset } from "../data/index.ts";
import { loadModel } from "../model/index.ts";
import { score } from "../train/index.ts";
import { asReadBy } from "./digits.ts";
import { networkIn } from "./network.ts";
import { percent } from "./numbers.ts";
import type { Printed, Terminal } from "./terminal.ts";

export const WARM_UP = 1000;

export interface Judgement {
  accuracy: number;
  loss: number;
  /** The fraction of zeros among its kernel weights. */
  sparsity: number;
  bytes: number;
  latencyMicros: number;
  /** Outputs for all images, one row after the other. */
  outputs: Float32Array;
}

/** Images between two checks of the signal. */
const BETWEEN = 1024;

export class Judge {
  readonly #data: Dataset;

  constructor(data: Dataset) {
    this.#data = data;
  }

  /** `source`: a path, or the bytes of a file that was just written to `path`. */
  async judge(path: string, signal: AbortSignal, source: Source = path): Promise<Judgement> {
    const model = await (typeof source === "string" ? networkIn(source, signal) : loadModel(source, { signal }));
    const data = asReadBy(model, this.#data, path);
    const net = await model.net({ capacity: 1 });
    const [input, output] = [net.inputs[0]!, net.outputs[0]!];
    const [each, width] = [size(input.shape), size(output.shape)];
    const images = new Float32Array(data.length * each);
    for (let i = 0; i < data.length; i++) data.row(i, images, i * each);
    const image = (i: number) => images.subarray(i * each, (i + 1) * each);
    const outputs = new Float32Array(data.length * width);
    const answer = new Float32Array(width);
    const options = { into: answer };
    const inOwnTypes = input.dtype === "f32" && output.dtype === "f32";
    const ask = (x: Float32Array) => (inOwnTypes ? net.run(x, options) : net.predict(x, options));

    for (let i = 0; i < Math.min(WARM_UP, data.length); i++) ask(image(i));
    const micros = new Float64Array(data.length);
    for (let i = 0; i < data.length; i++) {
      const shown = image(i);
      const began = performance.now();
      ask(shown);
      micros[i] = 1000 * (performance.now() - began);
      outputs.set(answer, i * width);
      if (i % BETWEEN) continue;
      await new Promise(resolve => setImmediate(resolve));
      signal.throwIfAborted();
    }
    const { accuracy, loss } = score(outputs, data, model.graph);
    return {
      accuracy: accuracy!,
      loss,
      sparsity: sparsity(model).sparsity,
      bytes: ArrayBuffer.isView(source) ? source.byteLength : statSync(path).size,
      latencyMicros: micros.sort()[data.length >> 1]!,
      outputs,
    };
  }
}

/** The part of a result that JSON reports contain. */
export const scoresOf = ({ outputs: _, ...scores }: Judgement): Omit<Judgement, "outputs"> => scores;

/** A table that compares files. */
export function comparison(
  files: readonly (readonly [file: string, judged: Judgement])[],
  terminal: Terminal,
): Printed[] {
  const rows = files.map(([file, { accuracy, loss, sparsity, bytes, latencyMicros }]) => [
    file,
    percent(accuracy),
    loss.toFixed(4),
    percent(sparsity),
    bytes,
    latencyMicros.toFixed(1),
  ]);
  return [terminal.table(["file", "accuracy", "loss", "sparsity", "bytes", "us/image"], rows)];
}
