/**
 * A network that runs: planned once, in a memory of fixed size; a call writes images, runs the program over them, reads results.
 * Synchronous: a small network answers in microseconds.
 */
import { integer, knownOptions, wrongType } from "../base/errors.ts";
import { type DType, type Shape, showShape, size, type TypedArray } from "../base/shape.ts";
import type { Preprocessing } from "../container/extras.ts";
import type { Graph, Quantization } from "../graph/graph.ts";
import type { Variant } from "../kernels/load.ts";
import { RUN } from "../kernels/load-run.ts";
import { emit } from "../ops/emit.ts";
import { LOWER, PREFERS } from "../ops/run.ts";
import { FORWARD, fuse } from "../passes/fuse.ts";
import type { Program } from "../plan/plan.ts";
import { Machine } from "./machine.ts";
import { warmUp } from "./warm-up.ts";

export interface NetOptions {
  /** Images that one call into WebAssembly takes at most; more are done in several. Default 64. */
  capacity?: number;
  /** Default: the best this engine runs exactly. */
  variant?: Variant;
  /** How `predict` reads unsigned bytes. Default: `{ scale: 1 / 255 }`. */
  preprocessing?: Preprocessing;
  /** Names of the classes, carried along. */
  labels?: readonly string[];
  /**
   * Runs on zeros in the background, in slices of 2 ms, until the engine has compiled the kernels for good (true), or so many times; `net.warm` tells
   * when it is done. The network can be used meanwhile. Default false.
   */
  warmUp?: boolean | number;
}

/** Float networks run this many images side by side, where there are as many: dense layers are then matrix products. */
const SIDE_BY_SIDE = 8;

interface Lane {
  readonly program: Program;
  readonly batch: number;
  readonly input: TypedArray;
  /** Elements from image to image, of input and output. */
  readonly inputRow: number;
  readonly output: TypedArray;
  readonly outputRow: number;
}

/** Made by `load`, `model.net()` or `Net.create`. */
export class Net {
  /** Of one image: [height, width, channels], or what else the network takes. */
  readonly inputShape: Shape;
  /** What `run` takes: "f32", or "i8" where the network begins with integers. */
  readonly inputType: DType;
  /** real = scale[0] * (q - zeroPoint) of an "i8" input; undefined for "f32". */
  readonly inputQuantization: Quantization | undefined;
  /** Of the results of one image. */
  readonly outputShape: Shape;
  /** What `run` gives. */
  readonly outputType: DType;
  readonly outputQuantization: Quantization | undefined;
  /** Names of the classes, where the file or the options have them. */
  readonly labels: readonly string[] | undefined;
  /** How `predict` reads unsigned bytes. */
  readonly preprocessing: Preprocessing;
  /** The kernels, the plan and the memory underneath: for looking, not for changing. */
  readonly machine: Machine;
  /** Resolves when `warmUp` is done; at once without it. */
  readonly warm: Promise<void>;
  readonly #inputSize: number;
  readonly #outputSize: number;
  readonly #capacity: number;
  /** Widest first. */
  readonly #lanes: readonly Lane[];
  /** real = factor * pixel + addend, for each channel or for all. */
  readonly #pixels: { factor: Float32Array; addend: Float32Array };
  #numbers: Float32Array | Int8Array | undefined;

  private constructor(graph: Graph, machine: Machine, batches: readonly number[], options: NetOptions) {
    const input = graph.leaves.find(v => v.leaf === "input")!.type;
    const output = graph.results[0]!.type;
    this.inputShape = input.shape;
    this.inputType = input.dtype;
    this.inputQuantization = input.quantization;
    this.outputShape = output.shape;
    this.outputType = output.dtype;
    this.outputQuantization = output.quantization;
    this.labels = options.labels;
    this.preprocessing = options.preprocessing ?? { scale: 1 / 255 };
    this.#pixels = pixelRule(this.preprocessing, input.shape);
    this.machine = machine;
    this.#inputSize = size(input.shape);
    this.#outputSize = size(output.shape);
    this.#capacity = options.capacity ?? 64;
    this.#lanes = batches.map((batch): Lane => {
      const rows = (name: string): [TypedArray, number] => {
        const stored = machine.stored(name);
        return [stored, machine.leaf(name).image / stored.BYTES_PER_ELEMENT];
      };
      const [inputs, inputRow] = rows(`images x${batch}`);
      const [outputs, outputRow] = rows(`results x${batch}`);
      return { program: machine.program(`x${batch}`), batch, input: inputs, inputRow, output: outputs, outputRow };
    });
    this.warm = options.warmUp ? warmUp(this.#onZeros(), options.warmUp) : Promise.resolve();
  }

  /** A run of every lane, as a user's. */
  #onZeros(): () => void {
    const calls = this.#lanes.map(({ batch, input, output }) => ({
      x: new (input.constructor as new (n: number) => TypedArray)(batch * this.#inputSize),
      into: new (output.constructor as new (n: number) => TypedArray)(batch * this.#outputSize),
    }));
    return () => {
      for (const { x, into } of calls) this.run(x, into);
    };
  }

  /** Plans a model's graph (one input, one result) and loads kernels and weights. */
  static async create(graph: Graph, options: NetOptions = {}): Promise<Net> {
    knownOptions("options", options, ["capacity", "variant", "preprocessing", "labels", "warmUp"]);
    if (options.warmUp !== undefined && typeof options.warmUp !== "boolean") integer("warmUp", options.warmUp, 0);
    const capacity = options.capacity === undefined ? 64 : integer("capacity", options.capacity, 1);
    const inputs = graph.leaves.filter(v => v.leaf === "input");
    if (inputs.length !== 1 || graph.results.length !== 1)
      throw new RangeError(
        `a network that runs has one input and one result, got ${inputs.length} and ${graph.results.length}`,
      );
    const quantized = graph.leaves.some(v => v.type.dtype === "i8");
    const batches = quantized || capacity < SIDE_BY_SIDE ? [1] : [SIDE_BY_SIDE, 1];
    const wanted = batches.map(batch => ({
      name: `x${batch}`,
      graph: streamed(graph, batch),
      batch,
      steps: Math.ceil(capacity / batch),
      group: SIDE_BY_SIDE,
    }));
    const machine = await Machine.create(RUN, wanted, { lower: LOWER, prefers: PREFERS }, options.variant);
    return new Net(graph, machine, batches, { ...options, capacity });
  }

  /** Bytes of memory it occupies. */
  get bytes(): number {
    return this.machine.memory.buffer.byteLength;
  }

  /**
   * Real numbers in, real numbers out: `x` holds the elements of one or more images one after the other; unsigned bytes are taken
   * as pixels and read through `preprocessing`. Gives `outputShape` numbers for each image, in `into` where it is passed.
   * A RangeError where `x` holds no whole number of images.
   */
  predict(x: ArrayLike<number>, into?: Float32Array): Float32Array {
    const images = this.#count(x);
    const y = this.#into(into, images, Float32Array);
    const q = this.outputQuantization;
    const scale = q?.scale[0] ?? 1;
    const zero = q?.zeroPoint ?? 0;
    this.#run(this.#real(x), images, (row, at, out) => {
      const width = this.#outputSize;
      if (!q) copy(row, at, width, y, out * width);
      else for (let i = 0; i < width; i++) y[out * width + i] = scale * (row[at + i]! - zero);
    });
    return y;
  }

  /**
   * The network's own types in and out, without conversion: int8 numbers of `inputQuantization` and `outputQuantization` where it has them.
   * `x` and `into` hold whole images, as for `predict`. A TypeError where one is not an array of the network's type.
   */
  run(x: TypedArray, into?: TypedArray): TypedArray {
    const images = this.#count(x);
    const expected = this.#lanes[0]!.input.constructor as { new (n: number): TypedArray; name: string };
    if (x.constructor !== expected) throw wrongType("x", expected.name, x);
    const y = this.#into(into, images, this.#lanes[0]!.output.constructor as new (n: number) => TypedArray);
    this.#run(x, images, (row, at, out) => copy(row, at, this.#outputSize, y, out * this.#outputSize));
    return y;
  }

  #count(x: ArrayLike<number>): number {
    if (typeof x?.length !== "number") throw wrongType("x", "an array of numbers", x);
    const images = x.length / this.#inputSize;
    if (!Number.isInteger(images) || images === 0)
      throw new RangeError(
        `"x" expected whole images of ${showShape(this.inputShape)} = ${this.#inputSize} numbers, got ${x.length}`,
      );
    return images;
  }

  #into<T extends TypedArray>(into: T | undefined, images: number, kind: new (n: number) => T): T {
    const wanted = images * this.#outputSize;
    if (!into) return new kind(wanted);
    if (!(into instanceof kind)) throw wrongType("into", kind.name, into);
    if (into.length !== wanted) throw new RangeError(`"into" expected ${wanted} elements, got ${into.length}`);
    return into;
  }

  /** x as the input's stored numbers. */
  #real(x: ArrayLike<number>): ArrayLike<number> {
    const pixels = x instanceof Uint8Array || x instanceof Uint8ClampedArray;
    const q = this.inputQuantization;
    if (!pixels && !q) return x;
    if (this.#numbers?.length !== x.length) this.#numbers = q ? new Int8Array(x.length) : new Float32Array(x.length);
    const y = this.#numbers;
    const { factor, addend } = pixels ? this.#pixels : { factor: [1], addend: [0] };
    const channels = factor.length;
    for (let i = 0, c = 0; i < x.length; i++) {
      const real = Math.fround(Math.fround(x[i]! * factor[c]!) + addend[c]!);
      y[i] = q ? quantized(real, q) : real;
      if (++c === channels) c = 0;
    }
    return y;
  }

  #run(x: ArrayLike<number>, images: number, read: (rows: TypedArray, at: number, image: number) => void): void {
    const width = this.#inputSize;
    for (let done = 0; done < images; ) {
      const lane = this.#lanes.find(l => l.batch <= images - done)!;
      const count =
        Math.min(Math.floor(this.#capacity / lane.batch), Math.floor((images - done) / lane.batch)) * lane.batch;
      for (let i = 0; i < count; i++) {
        const from = (done + i) * width;
        lane.input.set(images === 1 ? x : slice(x, from, from + width), i * lane.inputRow);
      }
      this.machine.run(lane.program, 0, count / lane.batch);
      for (let i = 0; i < count; i++) read(lane.output, i * lane.outputRow, done + i);
      done += count;
    }
  }
}

/** (scale * v - mean) / std, or scale * v + offset, as one product and one sum a channel. */
function pixelRule(p: Preprocessing, shape: Shape): { factor: Float32Array; addend: Float32Array } {
  if (p.layout === "NCHW")
    throw new RangeError('"preprocessing.layout" expected "NHWC", the order of all images here, got "NCHW"');
  const { scale = 1, offset = 0, mean, std } = p;
  const channels = mean?.length ?? std?.length ?? 1;
  if (channels !== 1 && channels !== shape.at(-1))
    throw new RangeError(`"preprocessing" expected ${shape.at(-1)} channels, got ${channels}`);
  const of = (list: readonly number[] | undefined, c: number, otherwise: number) => list?.[c] ?? otherwise;
  return {
    factor: Float32Array.from({ length: channels }, (_, c) => scale / of(std, c, 1)),
    addend: Float32Array.from({ length: channels }, (_, c) => offset - of(mean, c, 0) / of(std, c, 1)),
  };
}

/** Without a view for a few numbers: it would cost more than they do. */
function copy(from: TypedArray, at: number, count: number, to: TypedArray, out: number): void {
  if (count > 64) to.set(from.subarray(at, at + count), out);
  else for (let i = 0; i < count; i++) to[out + i] = from[at + i]!;
}

const slice = (x: ArrayLike<number>, from: number, to: number): ArrayLike<number> =>
  ArrayBuffer.isView(x) ? (x as unknown as Float32Array).subarray(from, to) : Array.prototype.slice.call(x, from, to);

function quantized(real: number, q: Quantization): number {
  const steps = Math.fround(real / q.scale[0]!);
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const even = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor; // half to even
  return Math.max(-128, Math.min(127, even + q.zeroPoint));
}

/** The fused graph with a stream of images for its input and a stream of results. */
function streamed(model: Graph, batch: number): Graph {
  const { graph } = model.copy();
  const input = graph.leaves.find(v => v.leaf === "input")!;
  const images = graph.leaf("stream", `images x${batch}`, input.type);
  graph.replace(input, images);
  graph.leaves.splice(graph.leaves.indexOf(input), 1);
  const result = graph.results[0]!;
  const rows = graph.leaf("stream", `results x${batch}`, result.type);
  graph.add(emit, [result, rows]);
  graph.results = [];
  fuse(graph, FORWARD);
  return graph;
}
