/**
 * Random networks in the grammar of the file: any ops one after another, with attributes that are sometimes hostile.
 * `takes` and `infer` of an op decide whether a node becomes part of the graph; sometimes a refused one is written
 * nevertheless, for the reader to detect.
 */

import { PenjingError } from "../../src/base/errors.ts";
import type { Random } from "../../src/base/random.ts";
import { allocate, type DType, type Shape, size, type TypedArray } from "../../src/base/shape.ts";
import { STORED } from "../../src/container/op-numbers.ts";
import type { StoredOp } from "../../src/container/stored.ts";
import { write } from "../../src/container/write.ts";
import { Graph, type Op, type Quantization, type Type, type Value } from "../../src/graph/graph.ts";
import type { Traits } from "../../src/graph/meaning.ts";
import type { Operand } from "../../src/graph/operand.ts";
import { count, type Field, index, type Kind, type Parameter, signed } from "../../src/graph/stored.ts";
import { TRAITS } from "../../src/ops/index.ts";

export interface Grammar {
  /** The fraction of numbers that are extreme. */
  readonly hostile: number;
  /** Element types are chosen regardless of the op's operands. */
  readonly anyType: boolean;
  /** Maximum nodes of a graph. */
  readonly nodes: number;
}

const DTYPES: readonly DType[] = ["f32", "i8", "u8", "i32", "u32"];
const SIZES = [1, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 33];
/** Sides and channels of images for which there are specialized convolution kernels. */
const IMAGES = [6, 8, 9, 12, 14, 20];
const CHANNELS = [1, 1, 3, 4, 8, 16];
const LARGE = [
  0,
  1,
  2,
  3,
  5,
  17,
  127,
  128,
  255,
  1000,
  65535,
  65536,
  2 ** 24,
  2 ** 30,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 2,
];
const SIGNED = [-(2 ** 31), 2 ** 31 - 1, -1, -2, -5, 100, 1000, -1000, 65536, 2 ** 30];
const REALS = [0, 1, -1, 0.5, 2, 6, 1e-3];
const EXTREME = [1e300, -1e300, 1e-300, 3e38, -1e39];
const SCALES = [0.1, 0.5, 1, 0.003, 0.02, 0.7];
/** Scales of float32, including the smallest and the largest. */
const EXTREME_SCALES = [1e-45, 1e-38, 1e-6, 300, 1e6, 3e38];

/** Maximum elements of a state. */
const STATE = 20_000;
/** Maximum elements of a value, except for one in fifty. */
const VALUE = 200_000;

const ALL = Object.values(STORED);
const named = (...names: string[]): StoredOp[] => names.map(name => ALL.find(({ op }) => op.name === name)!);

/** Ops of half of the nodes: they have the most kernels, and few shapes fit them. */
const HEAVY = named(
  "conv2d",
  "conv2d",
  "depthwiseConv2d",
  "reshape",
  "dense",
  "maxPool2d",
  "averagePool2d",
  "softmax",
  "relu",
);
/** Ops that are fused behind a convolution or a dense layer. */
const FUSED = { relu: named("relu")[0]!.op, pool: named("maxPool2d")[0]!.op };
/** Taps of a kernel along an axis. */
const TAPS = [1, 1, 2, 3, 3, 5];

/** The bytes of a network that a generator in this state makes. */
export function networkFile(random: Random, grammar: Grammar): Uint8Array {
  for (;;) {
    try {
      return new Sentence(random, grammar).file();
    } catch (error) {
      // the writer has limits that a generator exceeds: fewer scales, zero points of a byte
      if (!(error instanceof PenjingError && (error.code === "unsupported" || error.code === "graph"))) throw error;
    }
  }
}

/** `op` without its checks: a file may contain a node that the op refuses. */
export const lawless = <A>(op: Op<A>, output: Type): Op<A> => ({
  ...op,
  takes: { list: [{ dtypes: DTYPES, codes: true }], least: 0, more: true },
  infer: () => [output],
});

/** One graph under construction. */
class Sentence {
  readonly #random: Random;
  readonly #grammar: Grammar;
  readonly #graph = new Graph();
  readonly #values: Value[] = [];
  #states = 0;
  #taps = 1;

  constructor(random: Random, grammar: Grammar) {
    this.#random = random;
    this.#grammar = grammar;
  }

  file(): Uint8Array {
    const random = this.#random;
    const int8 = this.#chance(0.45);
    for (let left = this.#chance(0.8) ? 1 : 2; left > 0; left--) this.#input(int8);
    const nodes = 1 + random.integer(this.#grammar.nodes);
    for (let tries = 0, made = 0; tries < 200 && made < nodes; tries++) {
      const record = this.#pick(this.#chance(0.5) ? HEAVY : ALL);
      if (!this.#node(record)) continue;
      made++;
      if (record.parameters.some(({ product }) => product) && this.#chance(0.6)) this.#fused();
    }
    const last = this.#values.at(-1)!;
    this.#graph.results = this.#chance(0.2)
      ? Array.from({ length: 1 + random.integer(3) }, () => this.#pick(this.#values))
      : [last];
    return write(this.#graph, { names: false });
  }

  #chance(p: number): boolean {
    return this.#random.uniform() < p;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.integer(list.length)]!;
  }

  #hostile(): boolean {
    return this.#chance(this.#grammar.hostile);
  }

  #shape(rank: number): number[] {
    return Array.from({ length: rank }, () => this.#pick(SIZES));
  }

  // ---------------------------------------------------------------- leaves

  #input(int8: boolean): void {
    const size = () => this.#pick(IMAGES);
    const shape = this.#chance(0.3)
      ? [size(), size(), this.#pick(CHANNELS)]
      : this.#shape(this.#pick([0, 1, 2, 3, 3, 3, 3, 4]));
    const dtype = int8
      ? "i8"
      : this.#grammar.anyType && this.#chance(0.5)
        ? this.#pick(DTYPES)
        : this.#chance(0.9)
          ? "f32"
          : "u8";
    const quantized = dtype === "i8" ? !this.#hostile() : this.#grammar.anyType && this.#chance(0.1);
    const type: Type = { shape, dtype, batched: true, ...(quantized && { quantization: this.#activation() }) };
    this.#values.push(this.#graph.leaf("input", `x${this.#values.length}`, type));
  }

  #scale(): number {
    return this.#pick(this.#hostile() ? EXTREME_SCALES : SCALES);
  }

  #zeroPoint(): number {
    return this.#chance(0.5) ? 0 : this.#random.integer(256) - 128;
  }

  #activation(): Quantization {
    return { scale: Float32Array.of(this.#scale()), zeroPoint: this.#zeroPoint() };
  }

  /** A state for operand `i` of a node over `before`, or undefined if it would be empty or too large. */
  #state({ op, parameters }: StoredOp, i: number, before: readonly Value[], attrs: object) {
    const parameter = parameters[i - 1];
    const operand = op.takes.list[Math.min(i, op.takes.list.length - 1)];
    const x = before[0]?.type;
    const types = before.map(v => v.type);
    const given = parameter && this.#chance(0.97) ? parameter.shape(types, attrs) : undefined;
    const like = x && this.#chance(0.7) ? x.shape : this.#shape(this.#random.integer(5));
    const shape = (given ?? like).map((n, axis) => n || this.#chosenSize(op, axis, x, attrs));
    const elements = size(shape);
    if (!shape.every(n => n > 0 && Number.isInteger(n)) || elements > STATE) return undefined;
    const dtype = this.#stateType(parameter, operand, x);
    const quantization =
      dtype === "i8" || dtype === "i32" ? this.#stateQuantization(shape, parameter, types) : undefined;
    const type: Type = { shape, dtype, batched: false, ...(quantization && { quantization }) };
    const name = `state ${this.#states++}`;
    return this.#graph.state(parameter?.role ?? "constant", name, type, this.#numbers(dtype, elements));
  }

  /** The size of a kernel along an axis: any number of outputs that the groups divide, few taps. */
  #chosenSize({ name }: Op, axis: number, x: Type | undefined, { groups = 1 }: { groups?: number }): number {
    const any = this.#pick([1, 2, 3, 4, 5, 8, 9, 16, 17, 32]);
    if (name === "dense" || !x || this.#hostile()) return any;
    // most kernels are square
    if (axis === 1 || this.#chance(0.4)) this.#taps = this.#pick(TAPS);
    if (axis > 0) return this.#taps;
    return name === "depthwiseConv2d" ? x.shape.at(-1)! * this.#pick([1, 1, 2]) : any * groups;
  }

  #stateType(parameter: Parameter | undefined, operand: Operand | undefined, x: Type | undefined): DType {
    if (this.#grammar.anyType && this.#chance(0.3)) return this.#pick(DTYPES);
    const allowed = operand?.dtypes ?? DTYPES;
    const wish =
      x?.dtype === "i8"
        ? parameter?.product
          ? "i32"
          : "i8"
        : parameter?.name === "kernel" && this.#chance(0.3)
          ? "i8"
          : "f32";
    return allowed.includes(wish) ? wish : this.#pick(allowed);
  }

  #stateQuantization(
    shape: Shape,
    parameter: Parameter | undefined,
    [x, weights]: readonly Type[],
  ): Quantization | undefined {
    if (this.#chance(0.03)) return undefined;
    const scales = (n: number) => Float32Array.from({ length: n }, () => this.#scale());
    const each = weights?.quantization?.scale;
    if (parameter?.product && x?.quantization?.scale.length === 1 && each?.length === shape[0] && !this.#hostile()) {
      const [scale] = x.quantization.scale;
      return { scale: each!.map(s => s * scale!), zeroPoint: 0, axis: 0 };
    }
    const zeroPoint = this.#hostile() ? this.#pick([this.#zeroPoint(), 2 ** 31 - 1, -(2 ** 31)]) : 0;
    if (!shape.length || this.#chance(0.2)) return { scale: scales(1), zeroPoint };
    const axis = this.#chance(0.8) ? 0 : this.#random.integer(shape.length);
    return { scale: scales(shape[axis]!), zeroPoint, axis };
  }

  #numbers(dtype: DType, length: number): TypedArray {
    const data = allocate(dtype, length);
    const random = this.#random;
    const wild = this.#hostile();
    for (let i = 0; i < length; i++)
      data[i] =
        dtype === "f32"
          ? random.uniform(-1, 1) * (wild ? this.#pick([1, 1e38, Number.NaN, Number.POSITIVE_INFINITY]) : 1)
          : dtype.endsWith("8")
            ? random.integer(256) - (dtype === "i8" ? 128 : 0)
            : wild
              ? random.integer(2 ** 32) - 2 ** 31
              : random.integer(2001) - 1000;
    return data;
  }

  // ---------------------------------------------------------------- nodes

  /** Adds a pool, a relu or both behind the last node. */
  #fused(): void {
    const last = this.#values.at(-1)!;
    let y = last;
    try {
      if (this.#chance(0.8)) y = this.#graph.one(FUSED.relu, [y]);
      const pool = { size: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1] };
      if (this.#chance(0.7)) y = this.#graph.one(FUSED.pool, [y], pool);
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    }
    if (y !== last) this.#values.push(y);
  }

  #node(record: StoredOp): boolean {
    const { op } = record;
    const [least, most] = record.inputs;
    const operands = Math.min(most, least + this.#random.integer(Math.min(3, most - least) + 1));
    const inputs: Value[] = [];
    let attrs: Record<string, unknown> = {};
    try {
      for (let i = 0; i < operands; i++) {
        const operand = op.takes.list[Math.min(i, op.takes.list.length - 1)];
        const fresh = i === 0 ? this.#chance(0.06) : this.#chance(record.parameters[i - 1] ? 0.93 : 0.2);
        const input = fresh ? this.#state(record, i, inputs, attrs) : this.#known(operand);
        if (!input) return false;
        inputs.push(input);
        if (i === 0) attrs = this.#attributes(record, input.type);
      }
      if (this.#choosesQuantization(record, inputs[0]!)) attrs.quantization = this.#activation();
      const made = this.#add(op, inputs, attrs);
      if (!made) return false;
      for (const v of inputs) if (!this.#values.includes(v)) this.#values.push(v);
      this.#values.push(made);
      return true;
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) return false;
      throw error;
    }
  }

  /** Picks an existing value, preferably the last one, and one that the op accepts if there is one among a few. */
  #known(operand: Operand | undefined): Value {
    const fits = ({ type: { dtype, shape } }: Value) =>
      !operand ||
      ((this.#grammar.anyType || operand.dtypes.includes(dtype)) && (operand.rank ?? shape.length) === shape.length);
    for (let tries = 0; tries < 4; tries++) {
      const value = this.#chance(0.5) ? this.#values.at(-1)! : this.#pick(this.#values);
      if (fits(value)) return value;
    }
    return this.#values.at(-1)!;
  }

  #choosesQuantization({ op }: StoredOp, x: Value): boolean {
    if (op.name === "quantize") return true;
    const { int8 } = (TRAITS as Readonly<Record<string, Traits>>)[op.name]!;
    if (x.type.dtype !== "i8") return this.#chance(0.02);
    return this.#chance(
      op.name === "dequantize" || int8 === "keeps" || int8 === "averages" || int8 === "clamps" ? 0.03 : 0.97,
    );
  }

  /**
   * The output of a new node; undefined if the op refuses it. One in fifty of those is added nevertheless, by the op
   * without its checks.
   */
  #add(op: Op, inputs: readonly Value[], attrs: object): Value | undefined {
    const small = (types: readonly Type[]) =>
      types.every(
        t => t.shape.every(n => n > 0 && Number.isInteger(n)) && (size(t.shape) <= VALUE || this.#chance(0.02)),
      );
    try {
      const types = op.infer(
        inputs.map(v => v.type),
        attrs,
      );
      if (!small(types)) return undefined;
      return this.#graph.one(op, inputs, attrs);
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof TypeError) || !this.#chance(0.02)) throw error;
      return this.#graph.one(lawless(op, this.#pick(inputs).type), inputs, attrs);
    }
  }

  // ---------------------------------------------------------------- attributes

  #attributes({ op, fields }: StoredOp, x: Type): Record<string, unknown> {
    const attrs: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(fields as Record<string, Field>)) {
      const usual = typeof field.usual === "function" ? field.usual(x) : field.usual;
      attrs[key] = usual === undefined || this.#chance(0.35) ? this.#attribute(field, x) : usual;
    }
    const apt = APT[op.name];
    if (apt && this.#chance(0.9)) Object.assign(attrs, apt(x.shape, this.#random));
    return attrs;
  }

  #attribute({ of, usual }: Field<unknown>, x: Type): unknown {
    if (!of) return !usual;
    if (typeof of !== "function") return this.#pick(of as readonly string[]);
    if (typeof usual === "number") return this.#number(of, x);
    const length = Array.isArray(usual) ? usual.length : this.#chance(0.95) ? x.shape.length : this.#random.integer(5);
    return Array.from({ length }, () => this.#number(of, x));
  }

  #number(kind: Kind, x: Type): number {
    if (kind === index) return this.#hostile() ? this.#pick(LARGE) : this.#random.integer(Math.max(2, x.shape.length));
    if (kind === count) return 1 + (this.#hostile() ? this.#pick(LARGE) : this.#random.integer(3));
    if (kind === signed) return this.#hostile() ? this.#pick(SIGNED) : this.#random.integer(6) - 1;
    return this.#pick(this.#hostile() ? EXTREME : REALS);
  }
}

const smallWindow = (random: Random) => ({
  strides: [1 + random.integer(2), 1 + random.integer(2)],
  pads: random.uniform() < 0.4 ? [0, 0, 0, 0] : Array.from({ length: 4 }, () => random.integer(3)),
  dilations: random.uniform() < 0.7 ? [1, 1] : [1 + random.integer(3), 1 + random.integer(3)],
});

/** Attributes that fit a shape, for ops that random ones would hardly ever fit. */
const APT: Readonly<Record<string, (shape: Shape, random: Random) => object>> = {
  conv2d(shape, random) {
    const divisors = [1, 1, 1, 2, 3, 4].filter(k => shape.at(-1)! % k === 0);
    const groups = shape.length ? divisors[random.integer(divisors.length)]! : 1;
    return random.uniform() < 0.5
      ? { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups }
      : { ...smallWindow(random), groups };
  },
  depthwiseConv2d: (_, random) => smallWindow(random),
  transpose: (shape, random) => ({ permutation: [...random.permutation(shape.length)] }),
  concat: (shape, random) => ({ axis: random.integer(Math.max(1, shape.length)) }),
  mean(shape, random) {
    const first = random.integer(Math.max(1, shape.length));
    const axes = shape.map((_, axis) => axis).slice(first, first + 1 + random.integer(shape.length || 1));
    return { axes };
  },
  reshape(shape, random) {
    const all = size(shape);
    const factors = [1, 2, 3, 4, 8].filter(k => all % k === 0);
    const factor = factors[random.integer(factors.length)]!;
    if (random.uniform() < 0.5) return { shape: [all] };
    return { shape: random.uniform() < 0.5 ? [factor, all / factor] : [all / factor, 1, factor] };
  },
  broadcast: (shape, random) => ({
    shape:
      random.uniform() < 0.4
        ? [1 + random.integer(3), ...shape]
        : shape.map(n => (n === 1 && random.uniform() < 0.7 ? 1 + random.integer(5) : n)),
  }),
  stridedSlice(shape, random) {
    const along = shape.map(n => {
      const begin = random.integer(n);
      const stride = [1, 1, 2, -1, 3, -2][random.integer(6)]!;
      const most = stride > 0 ? Math.floor((n - 1 - begin) / stride) + 1 : Math.floor(begin / -stride) + 1;
      return { begin, stride, length: 1 + random.integer(most) };
    });
    return { begin: along.map(a => a.begin), strides: along.map(a => a.stride), shape: along.map(a => a.length) };
  },
};
