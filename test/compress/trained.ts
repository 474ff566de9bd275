/** A small classifier that has been trained, and its training data. */
import { Random } from "../../src/base/random.ts";
import { Dataset } from "../../src/data/dataset.ts";
import {
  batchNormalization,
  conv2d,
  dense,
  flatten,
  globalAveragePool2d,
  input,
  type Model,
  sequential,
} from "../../src/model/index.ts";

/** Stripes across, along, or none: 8x8 pixels with noise. */
export function stripes(length: number, seed: number): Dataset {
  const random = new Random(seed);
  const labels = Uint8Array.from({ length }, (_, i) => i % 3);
  const x = new Float32Array(64 * length);
  for (let i = 0; i < length; i++) {
    const phase = random.integer(4);
    for (let p = 0; p < 64; p++) {
      const along = labels[i] === 0 ? p >> 3 : p & 7;
      const light = labels[i] === 2 ? 0 : (along + phase) % 4 < 2 ? 1 : -1;
      x[64 * i + p] = light + 0.8 * random.normal();
    }
  }
  return new Dataset({ x, shape: [8, 8, 1], labels, classes: 3 });
}

export async function trained(): Promise<Model> {
  const model = sequential(
    [
      input({ shape: [8, 8, 1] }),
      conv2d({ filters: 4, kernelSize: 3, name: "first" }),
      batchNormalization({ name: "norm" }),
      conv2d({ filters: 6, kernelSize: 3, activation: "relu", name: "second" }),
      globalAveragePool2d(),
      flatten(),
      dense({ units: 3, name: "last" }),
    ],
    { seed: 1 },
  );
  await model.fit(stripes(240, 1), { epochs: 8, batchSize: 16, seed: 1, optimizer: "adam" });
  return model;
}
