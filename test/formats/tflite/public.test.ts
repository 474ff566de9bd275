/**
 * Published networks (test/vectors/tflite-public): LiteRT's outputs, from the model, from its file and image by image.
 */
import { describe, expect, test } from "vitest";
import { analyzeFile } from "../../../src/compress/index.ts";
import { read } from "../../../src/container/index.ts";
import { loadTflite } from "../../../src/formats/tflite/index.ts";
import { verify } from "../../../src/graph/verify.ts";
import { supported, type Variant } from "../../../src/kernels/load.ts";
import { givenBy } from "../../../src/ops/traits.ts";
import type { Port } from "../../../src/run/inputs.ts";
import { Net } from "../../../src/run/net.ts";
import { bytesOf, unpacked } from "./vectors.ts";

type Numbers = Float32Array | Int8Array | Uint8Array;

const VARIANTS: Variant[] = ["simd", ...(supported().relaxedDot === "u8" ? ["relaxed" as const] : [])];
const ARRAYS: Readonly<Record<string, new (bytes: ArrayBuffer) => Numbers>> = {
  f32: Float32Array,
  i8: Int8Array,
  u8: Uint8Array,
};

/** Images per run: the batch size that the file fixes. */
const NETWORKS: readonly (readonly [name: string, images: number])[] = [
  ["keras_mnist_tpu", 1],
  ["conv_uint8", 1],
  ["conv_relu_uint8", 1],
  ["depthwise_conv_uint8", 1],
  ["logistic_uint8", 1],
  ["gearbox_dnn", 1],
  ["mnist_quantized", 1],
  ["keypoint_classifier", 1],
  ["single_rsqrt", 1],
  ["single_gelu", 1],
  ["simple_l2_norm", 1],
  ["single_div", 2],
  ["single_sqrt", 2],
  ["branching_conv_fc", 1],
];

interface Try {
  inputs: Numbers[];
  outputs: Numbers[];
}

async function triesOf(name: string, { inputs, outputs }: Net, images: number): Promise<Try[]> {
  const bytes = await unpacked(`tflite-public/${name}.tries.gz`);
  const tries: Try[] = [];
  let at = 0;
  const next = ({ dtype, shape }: Port): Numbers => {
    const length = images * shape.reduce((a, b) => a * b, dtype === "f32" ? 4 : 1);
    at += length;
    return new ARRAYS[dtype]!(bytes.slice(at - length, at).buffer);
  };
  while (at < bytes.length) tries.push({ inputs: inputs.map(next), outputs: outputs.map(next) });
  return tries;
}

const alone = <T>(list: readonly T[]) => (list.length === 1 ? list[0]! : list);

/**
 * Integers to the bit, floats within 1e-5 of each number and 1e-6; of 174 447 numbers only the first difference is
 * reported.
 */
function expectSame(got: Numbers, expected: Numbers): void {
  expect([got.constructor, got.length]).toEqual([expected.constructor, expected.length]);
  const near = expected instanceof Float32Array ? (v: number) => 1e-6 + 1e-5 * Math.abs(v) : () => 0;
  const off = expected.findIndex((v, i) => !(Object.is(v, got[i]) || Math.abs(v - got[i]!) <= near(v)));
  if (off >= 0) expect.fail(`answer ${off} is ${got[off]}, expected ${expected[off]}`);
}

const ports = (list: readonly Port[]) =>
  list.map(({ name, shape, dtype, scale, zeroPoint }) => ({ name, shape, dtype, scale, zeroPoint }));

describe.each(NETWORKS)("%s", (name, images) => {
  const load = () => loadTflite(bytesOf(`tflite-public/${name}.tflite`));

  test.each(VARIANTS)("gives LiteRT's answers, %s", async variant => {
    const { graph } = await load();
    verify(graph);
    const net = await Net.create(graph, { variant });
    const tries = await triesOf(name, net, images);
    expect(tries.length).toBe(name === "logistic_uint8" ? 1 : 2);
    for (const { inputs, outputs } of tries) {
      const got = [net.run(alone(inputs))].flat();
      outputs.forEach((expected, i) => expectSame(got[i]!, expected));
    }
  });

  test("answers image by image as in a batch", async () => {
    const net = await (await load()).net();
    const [{ inputs, outputs }] = (await triesOf(name, net, images)) as [Try];
    const each = (all: Numbers, i: number) => all.slice((i * all.length) / images, ((i + 1) * all.length) / images);
    const real = (all: Numbers, { scale = 1, zeroPoint = 0 }: Port) =>
      Float32Array.from(all, v => scale * (v - zeroPoint));
    const list = Array.from({ length: images }, (_, i) =>
      alone(inputs.map((all, k) => real(each(all, i), net.inputs[k]!))),
    );
    const got = net.predictBatch(list);
    outputs.forEach((all, k) =>
      got.forEach((one, i) => expectSame([one].flat()[k]!, real(each(all, i), net.outputs[k]!))),
    );
  });

  test("is stored and answers the same", async () => {
    const model = await load();
    const bytes = model.toBytes();
    expect(analyzeFile(bytes)).toMatchObject({ compressed: bytes.length });
    const { graph, preprocessing } = read(bytes);
    const before = await model.net();
    const after = await Net.create(graph, { ...(preprocessing && { preprocessing }) });
    expect(ports(after.inputs)).toEqual(ports(before.inputs));
    expect(ports(after.outputs)).toEqual(ports(before.outputs));
    const [{ inputs }] = (await triesOf(name, before, images)) as [Try];
    const both = (net: Net) => [net.run(alone(inputs)), net.predict(alone(inputs))].flat();
    const expected = both(before);
    both(after).forEach((got, i) => expectSame(got, expected[i]!));
  });
});

test("loadTflite: bytes of a uint8 input are pixels for predict, and the network's own numbers for run", async () => {
  const model = await loadTflite(bytesOf("tflite-public/keras_mnist_tpu.tflite"));
  const { graph } = model;
  const net = await model.net();
  expect(net.inputs).toMatchObject([{ dtype: "u8", scale: Math.fround(1 / 255), zeroPoint: 0, shape: [28, 28, 1] }]);
  expect(net.outputs).toMatchObject([{ dtype: "u8", scale: 1 / 256, zeroPoint: 0, shape: [10] }]);
  // the softmax remains the op that makes the result: only a change of type follows
  expect(givenBy(graph.results[0]!)).toBe("distribution");
  const [{ inputs, outputs }] = (await triesOf("keras_mnist_tpu", net, 1)) as [Try];
  const pixels = inputs[0] as Uint8Array;
  const expected = Float32Array.from(outputs[0]!, u => u / 256);
  expect(net.predict(pixels)).toEqual(expected);
  expect(net.predict(Float32Array.from(pixels, u => u / 255))).toEqual(expected);
  expect(net.predictBatch([pixels, pixels])).toEqual([expected, expected]);
  const into = new Uint8Array(10);
  expect(net.run(pixels, { into })).toBe(into);
  expect(() => net.run(Int8Array.from(pixels))).toThrow('"x" expected Uint8Array, got Int8Array');
  expect(net.predict(new Float32Array(784).fill(-1))).toEqual(net.predict(new Float32Array(784)));
});
