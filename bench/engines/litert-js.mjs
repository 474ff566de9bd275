/**
 * LiteRT.js (`@litertjs/core`) in Node, on its wasm accelerator (XNNPACK), one thread; it chooses relaxed SIMD by
 * itself if the engine has it.
 *
 * It is made for browsers: three shims replace the browser APIs it needs. Its public API refuses int8 tensors, so the
 * model is compiled and run through the underlying binding, which the public API calls as well: less work per call, not
 * more.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { batchOf } from "./penjing.mjs";

export const name = "litert-js";

const INT8 = 9;

let runtime;

async function load() {
  const wasm = join(fileURLToPath(import.meta.resolve("@litertjs/core")), "../../wasm");
  globalThis.self ??= globalThis;
  globalThis.GPUBuffer ??= class {};
  globalThis.Module = { print() {}, printErr() {} }; // its log, which would go to stdout
  globalThis.importScripts ??= path => {
    const module = { exports: {} };
    const run = new Function("module", "exports", "require", "__filename", "__dirname", readFileSync(path, "utf8"));
    run(module, module.exports, createRequire(path), path, dirname(path));
    globalThis.ModuleFactory = module.exports.default ?? module.exports;
  };
  const warn = console.warn;
  console.warn = () => {}; // suppresses the warning that there is no GPU
  const { loadLiteRt } = await import("@litertjs/core");
  const litert = await loadLiteRt(`${wasm}/`);
  console.warn = warn;
  return litert;
}

export async function open(network, batch) {
  if (batch !== 1) return undefined; // the files have batch 1
  runtime ??= load();
  const litert = await runtime;
  const wasm = litert.liteRtWasm;
  const environment = litert.getDefaultEnvironment();
  const at = wasm._malloc(network.tflite.length);
  wasm.HEAPU8.set(network.tflite, at);
  const model = wasm.loadModel(environment.liteRtEnvironment, at, network.tflite.length);
  const compiled = await wasm.compileModel(environment.liteRtEnvironment, model, {
    environment,
    accelerator: "wasm",
    cpuOptions: { numThreads: 1 },
    gpuOptions: {},
    webNNOptions: {},
  });
  const type = inputType(wasm, model);
  const size = type.bytes();
  const buffer = wasm.LiteRtTensorBuffer.createManaged(
    environment.liteRtEnvironment,
    wasm.LiteRtTensorBufferType.HOST_MEMORY,
    type,
    size,
  );
  const image = batchOf(network.inputs, size, 1);
  wasm.HEAPU8.set(new Uint8Array(image.buffer), buffer.lock(wasm.LiteRtTensorBufferLockMode.WRITE));
  buffer.unlock();
  const inputs = [buffer];
  // the image stays in place, and results are not copied out: an advantage for LiteRT
  const run = () => {
    for (const output of compiled.run(0, inputs)) output.delete();
  };
  const results = () => {
    const [output] = compiled.run(0, inputs);
    const from = output.lock(wasm.LiteRtTensorBufferLockMode.READ);
    const copy = new Int8Array(wasm.HEAPU8.slice(from, from + output.packedSize()).buffer);
    output.unlock();
    output.delete();
    return copy;
  };
  return { run, results, expected: network.answers, tolerance: 0 };
}

/** The type of the first input, with batch 1 if the file leaves it open. */
function inputType(wasm, model) {
  const written = model.getInputTensorType(0, 0);
  const element = written.elementType();
  if (element.value !== INT8) throw new Error("expected an int8 input");
  const from = written.layout().dimensions();
  const dimensions = new wasm.VectorInt32();
  for (let i = 0; i < from.size(); i++) dimensions.push_back(Math.max(1, from.get(i)));
  return wasm.LiteRtRankedTensorType.create(element, wasm.LiteRtLayout.create(dimensions));
}
