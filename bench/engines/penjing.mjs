/** penjing as a user calls it: `net.run(int8, { into })`, which writes the images and copies the results out. */
import { loadTflite } from "../../build/tflite.js";

export const name = "penjing";

const product = shape => shape.reduce((a, b) => a * b, 1);

export async function open(network, batch) {
  const model = await loadTflite(network.tflite);
  const net = await model.net({ capacity: Math.min(batch, 64) });
  const images = batchOf(network.inputs, product(net.inputs[0].shape), batch);
  const options = { into: new Int8Array(batch * product(net.outputs[0].shape)) };
  return {
    run: () => net.run(images, options),
    results: () => net.run(images),
    expected: network.answers,
    tolerance: 0,
  };
}

/** Repeats inputs to fill `batch` images. */
export function batchOf(inputs, size, batch) {
  const images = new inputs.constructor(batch * size);
  const have = inputs.length / size;
  for (let i = 0; i < batch; i++) images.set(inputs.subarray((i % have) * size, ((i % have) + 1) * size), i * size);
  return images;
}
