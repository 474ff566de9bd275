/**
 * A network that runs: planned once, in a memory of fixed size. A call writes images, runs the program over them and
 * reads results. Synchronous: a small network answers in microseconds.
 */
import type { Budget } from "../base/budget.ts";
import { integer, knownOptions, named, show, wrongType, wrongValue } from "../base/errors.ts";
import { allocate, showShape, size, type TypedArray } from "../base/shape.ts";
import type { Extras, Preprocessing } from "../container/extras.ts";
import { streamInputs } from "../graph/edit.ts";
import { Graph, type Value } from "../graph/graph.ts";
import type { KnownNumbers } from "../graph/meaning.ts";
import type { Variant } from "../kernels/load.ts";
import { RUN } from "../kernels/load-run.ts";
import { LOWER, PREFERS } from "../ops/index.ts";
import { emit } from "../ops/shape/emit.ts";
import { givenBy } from "../ops/traits.ts";
import { FORWARD, fuse } from "../passes/fuse.ts";
import type { Program } from "../plan/plan.ts";
import { type Classification, probabilities } from "./classes.ts";
import { type Input, InputReader, inputsOf, isDataset, type Port, portsOf } from "./inputs.ts";
import { Machine } from "./machine.ts";
import { type Output, OutputWriter } from "./outputs.ts";
import { USUAL } from "./pixels.ts";
import { warmUp } from "./warm-up.ts";

export interface NetOptions {
  /** Maximum number of images per call into WebAssembly; more are run in several calls. Default 64. */
  capacity?: number;
  /** Default: the best this engine runs exactly. */
  variant?: Variant;
  /** The conversion of bytes and pictures to real numbers. Default: `{ scale: 1 / 255 }`. */
  preprocessing?: Preprocessing;
  /** Names of the classes, for `classify`. */
  labels?: readonly string[];
  /** Kept as `name` and `metadata` of the network. */
  name?: string;
  metadata?: Extras["metadata"];
  /**
   * Runs on zeros in the background, in slices of 2 ms, until the engine has fully optimized the kernels (true), or
   * that many times; `net.warm` resolves when it is done. The network can be used meanwhile. Default false.
   */
  warmUp?: boolean | number;
}

export const NET_OPTIONS = ["capacity", "variant", "preprocessing", "labels", "name", "metadata", "warmUp"] as const;

/** Inputs of a network: a single input; if there are several, all of them in order, or by name. */
export type Inputs = Input | readonly Input[] | Readonly<Record<string, Input>>;

/** Results of `run`: an array in the type of the output; a list of arrays if there are several outputs. */
export type Numbers = TypedArray | TypedArray[];

/** Results of `predict`: an array; a list of arrays if there are several outputs. */
export type Reals = Float32Array | Float32Array[];

export interface IntoOptions<T> {
  /**
   * Arrays to write the results into, of exactly their length, instead of new ones. A list if there are several
   * outputs.
   */
  into?: T;
}

export interface ClassifyOptions {
  /** Number of most probable classes to return. Default: all. */
  top?: number;
}

/** Memory of a network in bytes, planned in full when it is created. */
export interface Arena {
  /** The total, in whole pages of 64 kB. */
  readonly bytes: number;
  /** Weights, constants, values computed from them once, and buffers of images and results. */
  readonly kept: number;
  /** The region that intermediate results share. */
  readonly temporaries: number;
}

/** Float networks run this many images at a time if there are enough: dense layers are then matrix products. */
const SIDE_BY_SIDE = 8;

/** One of the programs, with its input and output buffers. */
interface BatchProgram {
  readonly program: Program;
  readonly batch: number;
  readonly inputs: readonly Rows[];
  readonly outputs: readonly Rows[];
}

/** Images, or their results, one after the other in the network's memory. */
interface Rows {
  readonly data: TypedArray;
  /** Elements from one image to the next. */
  readonly row: number;
}

/**
 * A network that is ready to run, made by `load`, `model.net()` or `Net.create`. It needs no disposal: its memory is
 * garbage-collected with it.
 */
export class Net {
  /** The inputs of `run` and `predict`. */
  readonly inputs: readonly Port[];
  /** The outputs of `run` and `predict`. */
  readonly outputs: readonly Output[];
  /** Names of the classes, if the file or the options have them. */
  readonly labels: readonly string[] | undefined;
  /** The conversion of bytes and pictures to real numbers. */
  readonly preprocessing: Preprocessing;
  /** The name of the file's network, or of the model it was made from. Default "model". */
  readonly name: string;
  /** The metadata saved with the network. */
  readonly metadata: Extras["metadata"];
  /** The kernels, the plan and the memory: read only. */
  readonly machine: Machine;
  /** Resolves when `warmUp` is done; immediately without it. */
  readonly warm: Promise<void>;
  readonly #capacity: number;
  /** Widest first; the last one takes single images. */
  readonly #programs: readonly BatchProgram[];
  readonly #readers: readonly InputReader[];
  readonly #writers: readonly OutputWriter[];
  /** The kind of the first output, by the op that makes it. */
  readonly #gives: KnownNumbers | undefined;

  private constructor(
    inputs: readonly Value[],
    results: readonly Value[],
    machine: Machine,
    batches: readonly number[],
    options: NetOptions,
  ) {
    const { capacity = 64, labels, preprocessing = USUAL, name = "model", metadata } = options;
    this.machine = machine;
    this.name = name;
    this.metadata = metadata;
    this.labels = labels;
    this.preprocessing = preprocessing;
    this.#capacity = capacity;
    this.#gives = givenBy(results[0]!);
    const rows = (v: Value, name: string): Rows => {
      // an input that no result depends on has no place in the memory
      if (!machine.plan.leaves.has(name))
        return { data: allocate(v.type.dtype, capacity * size(v.type.shape)), row: size(v.type.shape) };
      const data = machine.stored(name);
      return { data, row: machine.leaf(name).image / data.BYTES_PER_ELEMENT };
    };
    this.#programs = batches.map(batch => ({
      program: machine.program(`x${batch}`),
      batch,
      inputs: inputs.map((v, i) => rows(v, inputName(i, batch))),
      outputs: results.map((v, i) => rows(v, outputName(i, batch))),
    }));
    const single = this.#programs.at(-1)!;
    const first = ({ data }: Rows, v: Value) => data.subarray(0, size(v.type.shape));
    this.#readers = inputs.map((v, i) => new InputReader(v.type, preprocessing, first(single.inputs[i]!, v)));
    this.#writers = results.map((v, i) => new OutputWriter(v.type, first(single.outputs[i]!, v)));
    // of several inputs some may not be pictures
    if (inputs.length === 1) this.#readers[0]!.pixels();
    this.inputs = portsOf(inputs);
    this.outputs = portsOf(results).map((port, i) => ({ ...port, view: this.#writers[i]!.view }));
    this.warm = options.warmUp ? warmUp(this.#onZeros(), options.warmUp) : Promise.resolve();
  }

  /** Makes a function that runs every program on zeros, through the same code as a call. */
  #onZeros(): () => void {
    const calls = this.#programs.map(({ batch }) => ({
      images: this.#readers.map(({ kind, size }) => new kind(batch * size)),
      results: this.#writers.map(({ kind, size }) => new kind(batch * size)),
      batch,
    }));
    return () => {
      for (const { images, results, batch } of calls) {
        this.#readers.forEach((reader, i) => (reader.source = images[i]!));
        this.#writers.forEach((writer, i) => writer.bind(results[i], batch, false, "into"));
        this.#over(batch);
      }
    };
  }

  /**
   * Plans a graph and loads kernels and weights. Throws a TypeError for the graph of another copy of the library, whose
   * ops are different objects.
   */
  static async create(graph: Graph, options: NetOptions = {}): Promise<Net> {
    if (!(graph instanceof Graph))
      throw wrongType("graph", "a graph made by this copy of the library (of a model: model.net())", graph);
    checkOptions(options);
    return Net.taking(graph.copy().graph, options);
  }

  /**
   * As `create`, for a graph without other owners and checked options: the graph is changed, and its weights are
   * released. @internal
   */
  static async taking(graph: Graph, options: NetOptions, budget?: Budget): Promise<Net> {
    const { capacity = 64 } = options;
    const quantized = graph.leaves.some(v => v.type.dtype === "i8" || v.type.dtype === "u8");
    const batches = quantized || capacity < SIDE_BY_SIDE ? [1] : [SIDE_BY_SIDE, 1];
    const inputs = inputsOf(graph);
    const { results } = graph;
    const wanted = batches.map((batch, i) => ({
      name: `x${batch}`,
      graph: streamed(i === batches.length - 1 ? graph : graph.copy().graph, batch),
      batch,
      steps: Math.ceil(capacity / batch),
      group: SIDE_BY_SIDE,
    }));
    const machine = await Machine.create(RUN, wanted, { lower: LOWER, prefers: PREFERS }, options.variant, budget);
    for (const { graph } of wanted) for (const leaf of graph.leaves) delete leaf.data;
    return new Net(inputs, results, machine, batches, options);
  }

  /** Describes the network by name and types: `Net "digits": f32 28x28x1 -> f32 10`. */
  toString(): string {
    const ends = [this.inputs, this.outputs].map(ports =>
      ports.map(({ dtype, shape }) => `${dtype} ${showShape(shape)}`).join(", "),
    );
    return `Net ${show(this.name)}: ${ends.join(" -> ")}`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** Size of its memory in bytes. */
  get bytes(): number {
    return this.arena.bytes;
  }

  /** The parts of its memory. */
  get arena(): Arena {
    const { memory, plan } = this.machine;
    const { from, to } = plan.temporary;
    return { bytes: memory.buffer.byteLength, kept: from, temporaries: to - from };
  }

  /**
   * Runs the network on one or more images, with real numbers in and out.
   *
   * - Float32Array, plain and nested arrays, and any other array of numbers: real numbers, as in training. Flat: image
   *   after image; nested: in the shape of the input (an axis of 1 channel may be left out), or a list of such.
   * - Uint8Array, Uint8ClampedArray (nested ones too) and pictures such as ImageData: bytes, which `preprocessing`
   *   converts to real numbers. A picture is composited over black for three channels, reduced to 0.299 red + 0.587
   *   green + 0.114 blue of that for one channel, and keeps all four bytes for four.
   * - With the layout "NCHW" in `preprocessing`, arrays have all of one channel before the next.
   *
   * If the network begins with int8 or uint8, real numbers are quantized: divided by the input's scale, rounded half to
   * even, plus zero point, clamped. int8 and uint8 results become scale * (q - zeroPoint).
   *
   * Returns the results of all images one after the other; with several outputs, a list. Throws a TypeError or
   * RangeError if the input is of another shape or type, or holds NaN.
   */
  predict<R extends Reals = Float32Array>(x: Inputs, options?: IntoOptions<R>): NoInfer<R> {
    return this.#call("predict", x, options, true) as R;
  }

  /**
   * Runs the network with its own types in and out, without conversion: an array of the input's `dtype`, image after
   * image in the input's shape, gives arrays of the outputs' `dtype`. Plain and nested arrays and pictures are accepted
   * as by `predict`, other typed arrays refused.
   *
   *     net.run(image, { into: net.outputs[0].view }); // copies no results
   */
  run<R extends Numbers = Int8Array | Uint8Array | Float32Array>(x: Inputs, options?: IntoOptions<R>): NoInfer<R> {
    return this.#call("run", x, options, false) as R;
  }

  /**
   * Calls `predict` for each of many inputs: a list (or other iterable) of inputs of `predict`, one image each, or one
   * long typed array. Returns a list with one result per image; with `into`, which holds all results one after the
   * other, `into`.
   */
  predictBatch(inputs: Iterable<Inputs> | TypedArray): Float32Array[];
  predictBatch<R extends Reals>(inputs: Iterable<Inputs> | TypedArray, options: { into: R }): R;
  predictBatch<R extends Reals>(inputs: Iterable<Inputs> | TypedArray, options?: IntoOptions<R>): Reals[] | R {
    try {
      return this.#batch(inputs, options);
    } catch (error) {
      throw named("predictBatch", error);
    }
  }

  #batch<R extends Reals>(inputs: Iterable<Inputs> | TypedArray, options?: IntoOptions<R>): Reals[] | R {
    const into: Reals | undefined = intoOf(options);
    if (ArrayBuffer.isView(inputs)) {
      const all = this.#call("predictBatch", inputs, options, true) as Reals;
      return (into as R | undefined) ?? this.#each(all);
    }
    if (typeof inputs?.[Symbol.iterator] !== "function" || isDataset(inputs))
      throw wrongType("inputs", "a list of inputs, or an array of whole samples", inputs);
    const list = into ? [...inputs] : inputs;
    if (into) this.#bind(into, (list as Inputs[]).length, true);

    const blocks = this.#readers.map(({ kind, size }) => new kind(this.#capacity * size));
    const results: Reals[] = [];
    let done = 0;
    let waiting = 0;
    const flush = () => {
      this.#readers.forEach((reader, i) => (reader.source = blocks[i]!.subarray(0, waiting * reader.size)));
      const part = (y: Float32Array, { size }: OutputWriter) => y.subarray(done * size, (done + waiting) * size);
      const here = Array.isArray(into)
        ? into.map((y, i) => part(y, this.#writers[i]!))
        : into && part(into, this.#writers[0]!);
      this.#bind(here, waiting, true);
      const some = this.#over(waiting) as Reals;
      if (!into) for (const result of this.#each(some)) results.push(result);
      done += waiting;
      waiting = 0;
    };
    for (const x of list) {
      const what = `inputs[${done + waiting}]`;
      const images = this.#read(x, true, what);
      if (images !== 1) throw wrongValue(what, "one image", images);
      this.#readers.forEach(({ source, size }, i) => blocks[i]!.set(source, waiting * size));
      if (++waiting === this.#capacity) flush();
    }
    if (waiting) flush();
    return (into as R | undefined) ?? results;
  }

  /**
   * Classifies one image; returns its classes, the most probable first, ties in order of their numbers. Uses the first
   * output: probabilities if the network ends with softmax or sigmoid, else the softmax of the output. A single output
   * is the probability of the second of two classes. Labels are the file's; without any, a class is named by its
   * number.
   */
  classify(x: Inputs, options: ClassifyOptions = {}): Classification[] {
    knownOptions("options", options, ["top"]);
    const top = options.top === undefined ? Infinity : integer("top", options.top, 1);
    const all = this.#call("classify", x, undefined, true) as Reals;
    const outputs = Array.isArray(all) ? all[0]! : all;
    const { size } = this.#writers[0]!;
    if (outputs.length !== size) throw wrongValue("x", "one image", outputs.length / size);
    return probabilities(outputs, this.#gives)
      .map((probability, i) => ({ label: this.labels?.[i] ?? String(i), probability }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, top);
  }

  /** Runs a batch. `method`: the calling method, for messages. */
  #call(method: string, x: Inputs | TypedArray, options: IntoOptions<Numbers> | undefined, real: boolean): Numbers {
    try {
      const into = intoOf(options);
      const images = this.#read(x, real, "x");
      this.#bind(into, images, real);
      return this.#over(images);
    } catch (error) {
      throw named(method, error);
    }
  }

  /** Reads all inputs; returns the number of images. */
  #read(x: Inputs, real: boolean, what: string): number {
    const readers = this.#readers;
    if (readers.length === 1) return readers[0]!.read(x as Input, real, what);
    const counts = this.#inOrder(x, what).map(([part, name], i) => readers[i]!.read(part, real, name));
    if (counts.some(count => count !== counts[0])) throw wrongValue(what, "as many images for each input", counts);
    return counts[0]!;
  }

  /** Splits `x` into several inputs, with their names for messages. */
  #inOrder(x: Inputs, what: string): [Input, string][] {
    const names = this.inputs.map(({ name }) => name);
    const expected = `the inputs ${names.join(", ")}, in order or by name`;
    if (x === null || typeof x !== "object" || ArrayBuffer.isView(x)) throw wrongType(what, expected, x);
    if (Array.isArray(x)) {
      if (x.length !== names.length) throw wrongValue(what, expected, `a list of ${x.length}`);
      return x.map((part, i) => [part, `${what}[${i}]`]);
    }
    const given = Object.keys(x);
    if (given.length !== names.length || !names.every(name => Object.hasOwn(x, name)))
      throw wrongValue(what, expected, given);
    return names.map(name => [(x as Record<string, Input>)[name]!, `${what}.${name}`]);
  }

  /** Sets the destination of the results of `images` images. */
  #bind(into: Numbers | undefined, images: number, real: boolean): void {
    const writers = this.#writers;
    if (writers.length === 1) writers[0]!.bind(into as TypedArray | undefined, images, real, "into");
    else if (into === undefined || (Array.isArray(into) && into.length === writers.length))
      writers.forEach((writer, i) => writer.bind(into?.[i], images, real, `into[${i}]`));
    else throw wrongType("into", `a list of ${writers.length} arrays`, into);
  }

  /** Runs over the readers' images and returns the writers' results. Allocates nothing for a single image. */
  #over(images: number): Numbers {
    const readers = this.#readers;
    const writers = this.#writers;
    for (let done = 0; done < images; ) {
      let chosen = this.#programs[0]!;
      if (chosen.batch > images - done) chosen = this.#programs.at(-1)!;
      const { batch, inputs, outputs, program } = chosen;
      const steps = Math.floor(Math.min(this.#capacity, images - done) / batch);
      const count = steps * batch;
      for (let i = 0; i < readers.length; i++) feed(readers[i]!, inputs[i]!, done, count);
      this.machine.run(program, 0, steps);
      for (let i = 0; i < writers.length; i++) {
        const writer = writers[i]!;
        const { data, row } = outputs[i]!;
        for (let k = 0; k < count; k++) writer.write(data, k * row, done + k);
        if (images > 1) writer.view.set(data.subarray((count - 1) * row, (count - 1) * row + writer.size));
      }
      done += count;
    }
    for (let i = 0; i < readers.length; i++) readers[i]!.source = readers[i]!.alone; // releases the user's array
    return writers.length === 1 ? writers[0]!.done() : writers.map(writer => writer.done());
  }

  /** Splits results by image. */
  #each(all: Reals): Reals[] {
    const [first] = this.#writers;
    const images = (Array.isArray(all) ? all[0]! : all).length / first!.size;
    const part = (y: Float32Array, output: number, image: number) => {
      const { size } = this.#writers[output]!;
      return y.slice(image * size, (image + 1) * size);
    };
    return Array.from({ length: images }, (_, image) =>
      Array.isArray(all) ? all.map((y, output) => part(y, output, image)) : part(all, 0, image),
    );
  }
}

/** Throws a TypeError or RangeError for invalid options. */
export function checkOptions(options: NetOptions): void {
  knownOptions("options", options, NET_OPTIONS);
  if (options.warmUp !== undefined && typeof options.warmUp !== "boolean") integer("warmUp", options.warmUp, 0);
  if (options.capacity !== undefined) integer("capacity", options.capacity, 1);
}

/** Copies `count` images, from number `from` on, into the network's memory. */
function feed({ source, alone, size }: InputReader, { data, row }: Rows, from: number, count: number): void {
  if (source === alone) return;
  if (source.length === size) data.set(source);
  else if (row === size) data.set(source.subarray(from * size, (from + count) * size));
  else for (let i = 0; i < count; i++) data.set(source.subarray((from + i) * size, (from + i + 1) * size), i * row);
}

/**
 * Returns `options.into`. A call with `into` alone must not allocate, so other keys are only checked if there are any.
 */
function intoOf<T>(options: IntoOptions<T> | undefined): T | undefined {
  if (options?.into === undefined) knownOptions("options", options, ["into"]);
  return options?.into;
}

/** The leaf that holds the images of input `i` in the program for `batch` of them. */
export const inputName = (i: number, batch: number): string => `input ${i} x${batch}`;
const outputName = (i: number, batch: number): string => `output ${i} x${batch}`;

/** Fuses `graph` and replaces its inputs and results by streams. */
function streamed(graph: Graph, batch: number): Graph {
  streamInputs(graph, (input, i) => graph.leaf("stream", inputName(i, batch), input.type));
  graph.results.forEach((result, i) => {
    graph.add(emit, [result, graph.leaf("stream", outputName(i, batch), result.type)]);
  });
  graph.results = [];
  fuse(graph, FORWARD);
  return graph;
}
