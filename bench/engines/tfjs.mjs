/** TensorFlow.js on its wasm backend: SIMD, one thread; the layers of LeNet-5 with the weights of the float file. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { loadTflite } from "../../build/tflite.js";
import { batchOf } from "./penjing.mjs";

export const name = "tfjs-wasm f32";

let library;

async function load() {
  const require = createRequire(import.meta.url);
  const quiet = { info: console.info, warn: console.warn };
  console.info = console.warn = () => {}; // suppresses the advertisement of its native binding
  const tf = require("@tensorflow/tfjs");
  const { setThreadsCount, setWasmPaths } = require("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  Object.assign(console, quiet);
  return tf;
}

export async function open(network, batch) {
  if (!network.float) return undefined;
  library ??= load();
  const tf = await library;
  const weights = Object.values((await loadTflite(network.float.tflite)).getWeights());
  const { conv2d, dense, flatten, maxPooling2d } = tf.layers;
  const activation = "relu";
  const model = tf.sequential({
    layers: [
      conv2d({ filters: 6, kernelSize: 5, activation, inputShape: [28, 28, 1] }),
      maxPooling2d({ poolSize: 2 }),
      conv2d({ filters: 16, kernelSize: 5, activation }),
      maxPooling2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 120, activation }),
      dense({ units: 84, activation }),
      dense({ units: 10, activation: "softmax" }),
    ],
  });
  model.setWeights(weights.map(({ shape, data }) => tf.tensor(data, [...shape])));
  const images = tf.tensor(batchOf(network.float.inputs, 784, batch), [batch, 28, 28, 1]);
  const run = () => tf.tidy(() => model.predict(images, { batchSize: batch }).dataSync());
  return { run, results: run, expected: network.float.answers, tolerance: 1e-5 };
}
