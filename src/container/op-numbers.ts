/**
 * The ops a file may name, by number. A number is for ever: it is never given to another op, and what is usual for an op never changes;
 * an op that comes to mean something else gets a new number. Numbers below 16 take one byte in a file.
 *
 * Only ops of a network that runs, as it was built: training, masks and fake quantization are baked before saving, and what the
 * fusion pass makes is made again after loading.
 */
import { size } from "../base/shape.ts";
import { add } from "../ops/add.ts";
import { conv2d } from "../ops/conv2d.ts";
import { dense } from "../ops/dense.ts";
import { maxPool2d } from "../ops/max-pool2d.ts";
import { dequantize, quantize } from "../ops/quantize.ts";
import { relu } from "../ops/relu.ts";
import { rescale } from "../ops/rescale.ts";
import { reshape } from "../ops/reshape.ts";
import { count, counts, flag, integers, list, never, type Parameter, real, type Stored } from "./stored.ts";

const FUSED = "an activation fused into its layer is not stored: store the graph as it was built";

const kernel = (shape: Parameter["shape"]): Parameter => ({ name: "kernel", shape, quantized: "channels" });

/** One number for each output of the weights before it. */
const bias: Parameter = { name: "bias", shape: ([, weight]) => [weight!.shape[0]!], quantized: "product" };

/** Checks that an op's fields are those of its attributes. */
const stored = <A>(entry: Stored<A>): Stored<A> => entry;

const window = {
  strides: counts<readonly [number, number]>(2, 1, [1, 1]),
  pads: integers<readonly [number, number, number, number]>(4, [0, 0, 0, 0]),
  dilations: counts<readonly [number, number]>(2, 1, [1, 1]),
};

export const STORED = {
  1: stored({
    op: conv2d,
    inputs: [2, 3],
    fields: { ...window, groups: count(1, 1), relu: never(false, FUSED) },
    parameters: [kernel(([x], { groups }) => [0, 0, 0, (x!.shape[2] ?? 0) / groups]), bias],
  }),
  2: stored({
    op: dense,
    inputs: [2, 3],
    fields: { relu: never(false, FUSED) },
    parameters: [kernel(([x]) => [0, x!.shape[0] ?? 0]), bias],
  }),
  3: stored({
    op: maxPool2d,
    inputs: [1, 1],
    fields: {
      size: counts<readonly [number, number]>(2, 1, [2, 2]),
      strides: counts<readonly [number, number]>(2, 1, [2, 2]),
      pads: window.pads,
      dilations: window.dilations,
      ceil: flag(false),
    },
    parameters: [],
  }),
  4: stored({ op: reshape, inputs: [1, 1], fields: { shape: list(1, ([x]) => [size(x!.shape)]) }, parameters: [] }),
  5: stored({ op: relu, inputs: [1, 1], fields: {}, parameters: [] }),
  7: stored({ op: add, inputs: [2, 2], fields: {}, parameters: [] }),
  12: stored({ op: rescale, inputs: [1, 1], fields: { scale: real(1 / 255), offset: real(0) }, parameters: [] }),
  13: stored({ op: quantize, inputs: [1, 1], fields: {}, parameters: [] }),
  14: stored({ op: dequantize, inputs: [1, 1], fields: {}, parameters: [] }),
} as const;
