/**
 * onnxruntime, native (`onnxruntime-node`) and in WebAssembly (`onnxruntime-web`): one thread, all graph optimizations.
 */
import { batchOf } from "./penjing.mjs";

const session = (ort, options) => async (network, batch, dtype) => {
  if (!network.float) return undefined; // the .onnx files are of LeNet-5
  const { inputs, answers } = network.float;
  const model = dtype === "f32" ? network.float.onnx : network.onnx;
  const opened = await ort.InferenceSession.create(model, { graphOptimizationLevel: "all", ...options });
  const feeds = { image: new ort.Tensor("float32", batchOf(inputs, 784, batch), [batch, 1, 28, 28]) };
  return {
    asynchronous: true,
    run: () => opened.run(feeds),
    results: async () => (await opened.run(feeds)).probabilities.data,
    expected: answers,
    // int8 files are quantized by onnxruntime, so results differ
    tolerance: dtype === "f32" ? 1e-5 : 0.1,
  };
};

const engine = (name, dtype, load) => ({
  name: `${name} ${dtype}`,
  open: async (network, batch) => (await load())(network, batch, dtype),
});

const native = async () => {
  const { default: ort } = await import("onnxruntime-node");
  return session(ort, { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: "sequential" });
};

const web = async () => {
  const ort = await import("onnxruntime-web/wasm");
  ort.env.wasm.numThreads = 1;
  return session(ort, { executionProviders: ["wasm"] });
};

export const engines = [
  engine("onnxruntime-node", "f32", native),
  engine("onnxruntime-node", "int8", native),
  engine("onnxruntime-web", "f32", web),
  engine("onnxruntime-web", "int8", web),
];
