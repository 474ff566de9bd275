/** The LeNet-5 of test/vectors/tflite: TensorFlow's weights in a graph of ours, and the output of its converter. */
import { readFileSync } from "node:fs";
import { size } from "../../src/base/shape.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { lenet5 } from "../container/networks.ts";

const bytes = (name: string) => new Uint8Array(readFileSync(`test/vectors/tflite/${name}`));

interface Converted {
  activations: Record<string, { scale: number; zeroPoint: number }>;
  layers: { name: string; shape: number[]; weightScale: number[]; bias: number[]; biasScale: number[] }[];
}

export const converted: Converted = JSON.parse(new TextDecoder().decode(bytes("lenet5.json")));

/** The float network, with TensorFlow's weights. */
export function tensorflowLenet5(): Graph {
  const graph = lenet5();
  const floats = new Float32Array(bytes("lenet5.f32.bin").buffer);
  let at = 0;
  for (const { name } of converted.layers)
    for (const part of ["kernel", "bias"]) {
      const leaf = graph.leaves.find(v => v.name === `${name}/${part}`)!;
      leaf.data = floats.slice(at, at + size(leaf.type.shape));
      at += size(leaf.type.shape);
    }
  return graph;
}

/** The converter's int8 kernels by layer. */
export function convertedKernels(): Map<string, Int8Array> {
  const all = new Int8Array(bytes("lenet5.s8.bin").buffer);
  let at = 0;
  return new Map(
    converted.layers.map(({ name, shape }) => {
      const kernel = all.slice(at, at + size(shape));
      at += size(shape);
      return [name, kernel];
    }),
  );
}

/** LiteRT's int8 outputs for the first 200 test images. */
export const answers = (): Int8Array => new Int8Array(bytes("lenet5.out.s8.bin").buffer);

/** Units in the last place of a float32 between two numbers of equal sign. */
export function ulps(a: number, b: number): number {
  const [x, y] = new Int32Array(Float32Array.of(a, b).buffer);
  return Math.abs(x! - y!);
}
