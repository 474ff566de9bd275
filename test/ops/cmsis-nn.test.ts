/**
 * int8 operators against those of CMSIS-NN, which round twice where float requantization rounds once: single elements
 * may differ by one.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { size } from "../../src/base/shape.ts";
import { Graph, type Quantization, type Value } from "../../src/graph/graph.ts";
import { supported, type Variant } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { mul } from "../../src/ops/arithmetic/mul.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { depthwiseConv2d } from "../../src/ops/convolution/depthwise-conv2d.ts";
import { reach } from "../../src/ops/convolution/window.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { averagePool2d } from "../../src/ops/pooling/average-pool2d.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { constantPad } from "../../src/ops/shape/constant-pad.ts";
import { planned } from "./planned.ts";

const FOLDER = "test/vectors/cmsis-nn";
const FILES = readdirSync(FOLDER).filter(name => name.endsWith(".json"));
const VARIANTS: Variant[] = ["simd", ...(supported().relaxedDot === "u8" ? ["relaxed" as const] : [])];

interface Stored {
  type: string;
  data?: number[];
  base64?: string;
}

/** One case: settings and arrays by name, without the prefix of the case. */
class Case {
  readonly name: string;
  readonly #config: Record<string, number>;
  readonly #arrays: Record<string, Stored | null>;
  readonly graph = new Graph();
  readonly feed: Record<string, Int8Array> = {};

  constructor(file: string) {
    const { name, config, arrays } = JSON.parse(readFileSync(`${FOLDER}/${file}`, "utf8"));
    this.name = name;
    this.#config = config;
    this.#arrays = arrays;
  }

  has = (key: string): boolean => `${this.name.toUpperCase()}_${key}` in this.#config;
  /** Omitted sizes, strides and dilations are 1. */
  get = (key: string, usual = 1): number => this.#config[`${this.name.toUpperCase()}_${key}`] ?? usual;

  array(...keys: string[]): number[] {
    for (const key of keys) {
      const stored = this.#arrays[`${this.name}_${key}`];
      if (stored?.data) return stored.data;
      if (stored?.base64) return [...new Int8Array(Uint8Array.from(atob(stored.base64), c => c.charCodeAt(0)).buffer)];
    }
    if (keys.includes("biases")) return new Array<number>(this.get("OUT_CH")).fill(0);
    throw new Error(`${this.name} has no ${keys}`);
  }

  input(name: string, shape: readonly number[], quantization: Quantization, key: string, length?: number): Value {
    this.feed[name] = Int8Array.from(this.array(key).slice(0, length));
    return this.graph.leaf("input", name, { shape, dtype: "i8", batched: true, quantization });
  }

  /** Operands of a weighted layer whose input and output have scale 1: the weights' scales are the multipliers. */
  parameters(shape: readonly number[], kernel: number[], zeroPoint = 0): Value[] {
    const outs = shape[0]!;
    const single = this.has("OUTPUT_MULTIPLIER");
    const real = (c: number) =>
      single
        ? multiplied(this.get("OUTPUT_MULTIPLIER"), this.get("OUTPUT_SHIFT"))
        : multiplied(this.array("output_mult", "output_multiplier")[c]!, this.array("output_shift")[c]!);
    const scale = Float32Array.from({ length: outs }, (_, c) => real(c));
    const leaf = (name: string, of: readonly number[], data: Int8Array | Int32Array, zeroPoint: number) => {
      const dtype = data instanceof Int8Array ? "i8" : "i32";
      const quantization = { scale, zeroPoint, axis: 0 };
      return this.graph.state("weight", name, { shape: of, dtype, batched: false, quantization }, data);
    };
    const bias = this.array("biases", "bias").slice(0, outs);
    return [
      leaf("kernel", shape, Int8Array.from(kernel.slice(0, size(shape))), zeroPoint),
      leaf("bias", [outs], Int32Array.from(bias), 0),
    ];
  }
}

// exact powers of two
const multiplied = (multiplier: number, shift: number): number => (multiplier / 2 ** 31) * 2 ** shift;
const one = (zeroPoint: number, scale = 1): Quantization => ({ scale: Float32Array.of(scale), zeroPoint });

/** Pads at the front as given, at the back so that the output has its size. */
function window(
  c: Case,
  x: "X" | "W",
  y: "Y" | "H",
  kernel: readonly [number, number],
  pads: readonly [number, number],
) {
  const strides = [c.get(`STRIDE_${y}`), c.get(`STRIDE_${x}`)] as const;
  const dilations = [c.get("DILATION_Y"), c.get("DILATION_X")] as const;
  const behind = (axis: 0 | 1, out: number, input: number) =>
    (out - 1) * strides[axis] + reach(kernel[axis], dilations[axis]) - input - pads[axis];
  const bottom = behind(0, c.get("OUTPUT_H"), c.get("INPUT_H"));
  const right = behind(1, c.get("OUTPUT_W"), c.get("INPUT_W"));
  return { strides, dilations, pads: [pads[0], pads[1], bottom, right] as const };
}

function convolution(c: Case): Value {
  const kernel = [c.get("FILTER_Y"), c.get("FILTER_X")] as const;
  const geometry = window(c, "X", "Y", kernel, [c.get("PAD_Y"), c.get("PAD_X")]);
  const [ins, outs] = [c.get("IN_CH"), c.get("OUT_CH")];
  const x = c.input("x", [c.get("INPUT_H"), c.get("INPUT_W"), ins], one(-c.get("INPUT_OFFSET")), "input");
  const quantization = one(c.get("OUTPUT_OFFSET"));
  const weights = c.array("weights");
  if (!c.has("CH_MULT"))
    return c.graph.one(conv2d, [x, ...c.parameters([outs, ...kernel, ins], weights)], {
      ...geometry,
      groups: 1,
      quantization,
    });
  const taps = kernel[0] * kernel[1];
  const turned = Array.from({ length: outs * taps }, (_, i) => weights[(i % taps) * outs + Math.floor(i / taps)]!);
  return c.graph.one(depthwiseConv2d, [x, ...c.parameters([outs, ...kernel, 1], turned)], {
    ...geometry,
    quantization,
  });
}

function pool(c: Case): Value {
  const kernel = [c.get("FILTER_H"), c.get("FILTER_W")] as const;
  const geometry = { ...window(c, "W", "H", kernel, [c.get("PADDING_H"), c.get("PADDING_W")]), size: kernel };
  const x = c.input("x", [c.get("INPUT_H"), c.get("INPUT_W"), c.get("INPUT_C")], one(0), "input_tensor");
  // windows that end before the image does ignore the rest of it
  return c.graph.one(c.name.startsWith("avg") ? averagePool2d : maxPool2d, [x], geometry);
}

function connected(c: Case): Value {
  const length = c.get("ACCUMULATION_DEPTH");
  const x = c.input("x", [length], one(-c.get("INPUT_OFFSET")), "input");
  const zeroPoint = -c.get("FILTER_OFFSET", 0);
  const parameters = c.parameters([c.get("OUT_CH"), length], c.array("weights"), zeroPoint);
  return c.graph.one(dense, [x, ...parameters], { quantization: one(c.get("OUTPUT_OFFSET")) });
}

const BUILD: Record<string, (c: Case) => Value> = {
  add(c) {
    const [a, b] = [1, 2].map(i => c.input(`x${i}`, [c.get("DST_SIZE")], one(-c.get(`INPUT${i}_OFFSET`)), `input${i}`));
    return c.graph.one(add, [a!, b!], { quantization: one(c.get("OUTPUT_OFFSET"), 2) });
  },
  mul(c) {
    const [a, b] = [1, 2].map(i => c.input(`x${i}`, [c.get("DST_SIZE")], one(-c.get(`INPUT${i}_OFFSET`)), `input${i}`));
    const scale = 1 / multiplied(c.get("OUTPUT_MULT"), c.get("OUTPUT_SHIFT"));
    return c.graph.one(mul, [a!, b!], { quantization: one(c.get("OUTPUT_OFFSET"), scale) });
  },
  softmax(c) {
    const scale = multiplied(c.get("INPUT_MULT"), c.get("INPUT_LEFT_SHIFT")) / 2 ** 26;
    const x = c.input("x", [c.get("NUM_ROWS"), c.get("ROW_SIZE")], one(0, scale), "input");
    return c.graph.one(softmax, [x], { quantization: one(-128, 1 / 256) });
  },
  pad_int8_1(c) {
    const x = c.input(
      "x",
      [c.get("INPUT_H"), c.get("INPUT_W"), c.get("INPUT_C")],
      one(c.get("PAD_VALUE")),
      "input_tensor",
    );
    const sides = (side: string) => ["H", "W", "C"].map(axis => c.get(`${side}_PAD_${axis}`));
    return c.graph.one(constantPad, [x], { before: sides("PRE"), after: sides("POST"), value: 0 });
  },
};

const build = (c: Case): Value =>
  (BUILD[c.name] ?? (c.has("ACCUMULATION_DEPTH") ? connected : c.has("PADDING_H") ? pool : convolution))(c);

test("conv2d and other int8 ops: there are 33 cases of CMSIS-NN", () => expect(FILES.length).toBe(33));

for (const variant of VARIANTS)
  test.each(FILES)(`%s, ${variant}`, async file => {
    const c = new Case(file);
    c.graph.results = [build(c)];
    const batch = c.get("INPUT_BATCHES", c.get("BATCH_SIZE"));
    const ran = await planned(c.graph, c.feed, {
      batch,
      binary: RUN,
      ops: { lower: LOWER, prefers: PREFERS },
      variant,
    });
    const [low, high] = [c.get("OUT_ACTIVATION_MIN", -128), c.get("OUT_ACTIVATION_MAX", 127)];
    const got = [...ran.results[0]!.data].map(q => Math.min(high, Math.max(low, q)));
    const expected = c.array("output_ref", "output");
    expect(got.length).toBe(expected.length);
    const differ = got.filter((q, i) => q !== expected[i]);
    expect(got.filter((q, i) => Math.abs(q - expected[i]!) > 1)).toEqual([]);
    expect(differ.length / got.length, "elements that differ by one").toBeLessThan(0.05);
  });
