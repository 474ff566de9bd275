/** Networks of test/vectors with inputs and LiteRT's outputs for them. */
import { readFileSync } from "node:fs";

export const bytesOf = (path: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(`test/vectors/${path}`));

export const int8Of = (path: string): Int8Array => new Int8Array(bytesOf(path).buffer);
export const floatsOf = (path: string): Float32Array => new Float32Array(bytesOf(path).buffer);

/** int8 networks: the file, its inputs, its outputs. */
export const INT8: readonly (readonly [model: string, inputs: string, answers: string])[] = [
  ...["kws_ref_model", "pretrainedResnet_quant", "vww_96_int8", "ad01_int8", "mnist_valid_q"].map(
    name => [`tflite/${name}`, `tflite/${name}.in.s8.bin`, `tflite/${name}.out.s8.bin`] as const,
  ),
  // trained on the same digits
  ["tflite/mnist_resnet_q", "tflite/mnist_valid_q.in.s8.bin", "tflite/mnist_resnet_q.out.s8.bin"],
  ["tflite/lenet5_int8", "tflite/mnist_valid_q.in.s8.bin", "tflite/lenet5.out.s8.bin"],
  ...["branch", "mobile", "sensor", "unet", "wide"].map(name => {
    const path = `tflite-zoo/zoo_${name}_int8`;
    return [path, `${path}.in.s8.bin`, `${path}.out.s8.bin`] as const;
  }),
];

/** Float networks with inputs of their own. */
export const FLOAT: readonly string[] = [
  ...["branch", "mobile", "sensor", "unet", "wide"].map(name => `tflite-zoo/zoo_${name}_float`),
  ...["pretrainedResnet", "mnist_valid_f"].map(name => `tflite/${name}`),
];

/** The first 200 digits as real numbers: the inputs of the forms of LeNet-5 with float borders. */
export const digits = (): Float32Array =>
  Float32Array.from(int8Of("tflite/mnist_valid_q.in.s8.bin").subarray(0, 200 * 784), q => Math.fround((q + 128) / 255));

const ARRAYS = { f32: Float32Array, i8: Int8Array, u8: Uint8Array };

/** A network of one operator, its inputs, and LiteRT's outputs for them. */
export interface Answered {
  name: string;
  /** Type of its outputs. */
  type: keyof typeof ARRAYS;
  within?: 1;
  model: Uint8Array<ArrayBuffer>;
  inputs: (Float32Array | Int8Array | Uint8Array)[];
  outputs: (Float32Array | Int8Array | Uint8Array)[];
}

/** The decompressed bytes of a gzip file. */
export async function unpacked(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytesOf(path)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export type Vectors = "operators" | "networks" | "functions" | "unsigned" | "batches";

interface Listed {
  name: string;
  type: Answered["type"];
  /** The type of inputs, if it differs. */
  from?: Answered["type"];
  within?: 1;
  sizes: [model: number, inputs: number | number[], outputs: number | number[]];
}

/** The vectors described by test/vectors/tflite-operators/README.md. */
export async function answered(file: Vectors = "operators"): Promise<Answered[]> {
  const bytes = await unpacked(`tflite-operators/${file}.bin.gz`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const list: Listed[] = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  let at = 4 + length;
  const next = (n: number) => {
    at += n;
    return bytes.slice(at - n, at);
  };
  const all = (type: Answered["type"], lengths: number | number[]) =>
    [lengths].flat().map(n => new ARRAYS[type](next(n).buffer));
  const models = list.map(({ sizes }) => next(sizes[0]));
  return list.map(({ sizes, from, ...rest }, i) => {
    const inputs = all(from ?? rest.type, sizes[1]);
    return { ...rest, model: models[i]!, inputs, outputs: all(rest.type, sizes[2]) };
  });
}
