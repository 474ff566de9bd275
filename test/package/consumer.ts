// TypeScript of a user; compiled against the installed tarball with `strict` and without `skipLibCheck`.
import {
  adam,
  analyze,
  type History,
  lenet5,
  type Model,
  polynomialDecay,
  pruneLowMagnitude,
  quantizeStatic,
} from "penjing";
import { Dataset } from "penjing/data";
import { type Csr, kernels, type RawKernels, supported } from "penjing/kernels";
import { type PageSection, page } from "penjing/report";
import {
  type Classification,
  type ClassifyOptions,
  type Input,
  type IntoOptions,
  load,
  type Net,
  type NetOptions,
  type Output,
  type Picture,
  type Port,
  type Preprocessing,
} from "penjing/run";

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
const small: Model = await quantizeStatic(pruned.bake(), { calibration: data.take(1) });
const ratio: number = analyze(small).ratio;

const preprocessing: Preprocessing = { scale: 1, mean: [127.5], std: [127.5], layout: "NHWC" };
const options: NetOptions = { capacity: 16, labels: ["zero", "one"], preprocessing, warmUp: true };
const net: Net = await load(small.toBytes({ labels: ["zero", "one"], preprocessing }), options);
await net.warm;
const port: Port = net.inputs[0]!;
const { view, ...output }: Output = net.outputs[0]!;
const ports: readonly Port[] = [port, output];
const picture: Picture = { data: new Uint8ClampedArray(4 * 784), width: 28, height: 28 };
const image: Input = new Uint8Array(784);
const scores: Float32Array = net.predict(image);
const reals: IntoOptions<Float32Array> = { into: new Float32Array(10) };
const same: Float32Array = net.predict(picture, reals);
const own: Int8Array = net.run(new Int8Array(784), { into: new Int8Array(10) });
net.run(image, { into: view });
const each: Float32Array[] = net.predictBatch([image, picture]);
const joined: Float32Array = net.predictBatch(new Uint8Array(2 * 784), { into: new Float32Array(20) });
const [first, second] = net.predict<Float32Array[]>({ left: [1, 2], right: [[3], [4]] });
const top: ClassifyOptions = { top: 3 };
const best: Classification | undefined = net.classify(picture, top)[0];
export const all = [
  losses,
  ratio,
  ports,
  scores,
  same,
  own,
  each,
  joined,
  first,
  second,
  best?.label,
  best?.probability,
];

// @ts-expect-error results are written to what is of their type
net.run(new Int8Array(784), { into: new Float64Array(10) });
// @ts-expect-error no such option
net.classify(picture, { first: 3 });
// @ts-expect-error no such layout
load("digits.penjing", { preprocessing: { layout: "CHW" } });

// @ts-expect-error no such option
model.fit(data, { epoch: 1 });

const section: PageSection = { title: "sizes", blocks: [{ table: { heads: ["bytes"], rows: [[1]] } }] };
export const html: string = page({ title: "one", sections: [section] });
