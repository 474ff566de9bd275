// What a user's TypeScript sees; compiled against the installed tarball with `strict` and without `skipLibCheck`.
import {
  adam,
  analyze,
  type History,
  lenet5,
  type Model,
  polynomialDecay,
  pruneLowMagnitude,
  type QuantizedModel,
  quantizeStatic,
} from "penjing";
import { Dataset } from "penjing/data";
import { type Csr, kernels, type RawKernels, supported } from "penjing/kernels";
import { load, type Net } from "penjing/run";

const k: RawKernels = await kernels({ bytes: 1 << 20, variant: supported().relaxed ? "relaxed" : "simd" });
const y: Float32Array = k.f32Gemm(new Float32Array(6), new Float32Array(12), { m: 2, n: 4, k: 3, relu: true });
const s: Csr<Int8Array> = { values: Int8Array.of(1), columns: Int32Array.of(0), pointers: Int32Array.of(0, 1) };
const z: Int32Array = k.i8CsrSpmm(s, Int8Array.of(2, 3), 2);
k.f32_relu(y.length, k.alloc(Float32Array, y).byteOffset, k.alloc(Float32Array, z.length).byteOffset);

// @ts-expect-error sizes are numbers
k.f32Gemm(new Float32Array(6), new Float32Array(12), { m: "2", n: 4, k: 3 });
// @ts-expect-error no such variant
kernels({ variant: "fast" });

const data: Dataset = new Dataset({ images: new Uint8Array(2 * 784), shape: [28, 28, 1], labels: [3, 4], classes: 10 });
const model: Model = lenet5({ seed: 1 });
const history: History = await model.fit(data, { epochs: 1, batchSize: 2, optimizer: adam(1e-3), validation: data });
const losses: readonly number[] = history.history.loss!;
const schedule = polynomialDecay({ initialSparsity: 0.5, finalSparsity: 0.9, endStep: 2000 });
const pruned: Model = pruneLowMagnitude(model, { schedule });
const small: QuantizedModel = await quantizeStatic(pruned.bake(), { calibration: data.take(1) });
const ratio: number = analyze(small).ratio;
const net: Net = await load(small.toBytes());
const scores: Float32Array = net.predict(new Uint8Array(784));
export const all = [losses, ratio, scores];

// @ts-expect-error no such option
model.fit(data, { epoch: 1 });
