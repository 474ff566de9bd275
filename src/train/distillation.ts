/**
 * Knowledge distillation (Hinton, Vinyals and Dean: Distilling the Knowledge in a Neural Network, 2015): a network
 * learns from the logits of a teacher beside the labels.
 */
import { number, wrongType, wrongValue } from "../base/errors.ts";
import { log } from "../base/math.ts";
import { compatibleShapes, showSamples, showShape, size } from "../base/shape.ts";
import type { Preprocessing } from "../container/extras.ts";
import type { Dataset } from "../data/dataset.ts";
import { Graph, type Type, type Value } from "../graph/graph.ts";
import { softmax } from "../ops/activation/softmax.ts";
import { add } from "../ops/arithmetic/add.ts";
import { type Scale, scale } from "../ops/arithmetic/scale.ts";
import { sub } from "../ops/arithmetic/sub.ts";
import { softmaxCrossEntropy } from "../ops/loss/softmax-cross-entropy.ts";
import { givenBy, makerOf } from "../ops/traits.ts";
import type { Net } from "../run/net.ts";
import type { Loss } from "./losses.ts";
import { expectScaling } from "./scaling.ts";

/** A trained network of floats or integers: a Model. */
export interface Teacher {
  readonly graph: Graph;
  readonly preprocessing?: Preprocessing | undefined;
  /** Makes a network with the weights of now. */
  net(options: { capacity: number }): Promise<Net>;
}

/** Options of `fit`. */
export interface DistillationOptions {
  /**
   * A trained Model, of floats or integers, whose logits are learned beside the labels (Hinton et al. 2015): the loss
   * becomes alpha * loss + (1 - alpha) * T^2 * KL(softmax(teacher / T) || softmax(logits / T)). Metrics, validation and
   * `evaluate` are as without a teacher. Its weights are those at the start.
   */
  teacher?: Teacher;
  /** T, by which the logits of both are divided: > 0. Default 4. */
  temperature?: number;
  /** The weight of the loss with labels, 0..1. At 0 the data set needs no labels. Default 0.1. */
  alpha?: number;
}

export interface Distillation {
  /** > 0. Both networks' logits are divided by it. */
  readonly temperature: number;
  /** 0..1: the weight of the loss with labels; that of the teacher has the rest. */
  readonly alpha: number;
}

/** The stream of the teacher's logits. */
export const TEACHER_STREAM = "teacher";

const TEMPERATURE = 4;
const ALPHA = 0.1;

/** Reads the options of `fit`; undefined without a teacher. */
export function distillationOf(options: DistillationOptions): Distillation | undefined {
  const { teacher, temperature = TEMPERATURE, alpha = ALPHA } = options;
  if (teacher === undefined) {
    for (const name of ["temperature", "alpha"] as const)
      if (options[name] !== undefined) throw wrongType(name, "nothing without a teacher", options[name]);
    return undefined;
  }
  if (!(teacher?.graph instanceof Graph) || typeof teacher.net !== "function")
    throw wrongType("teacher", "a Model", teacher);
  return {
    temperature: number("temperature", temperature, { above: 0 }),
    alpha: number("alpha", alpha, { min: 0, max: 1 }),
  };
}

/**
 * alpha * loss + (1 - alpha) * T^2 * KL(softmax(teacher / T) || softmax(student / T)). T^2 keeps the gradient of the
 * second term of the same size whatever T is. Metrics and evaluation are those of `loss` alone.
 */
export function distilled(loss: Loss, { temperature, alpha }: Distillation): Loss {
  const soft = (graph: Graph, output: Value): Value => {
    const type: Type = { shape: output.type.shape, dtype: "f32", batched: true };
    const divided = (logits: Value) => graph.one<Scale>(scale, [logits], { scale: 1 / temperature });
    const teacher = divided(graph.leaf("stream", TEACHER_STREAM, type));
    const wanted = graph.one(softmax, [teacher]);
    const entropy = (logits: Value) =>
      graph.one<{ smoothing: number }>(softmaxCrossEntropy, [logits, wanted], { smoothing: 0 });
    // two entropies by one kernel: the divergence of equal logits is exactly 0
    return graph.one(sub, [entropy(divided(logitsOf(output))), entropy(teacher)]);
  };
  const weighted = (graph: Graph, value: Value, by: number) => graph.one<Scale>(scale, [value], { scale: by });
  return {
    ...loss,
    build(graph, output, target) {
      const hard = () => loss.build(graph, output, target);
      if (alpha === 1) return hard();
      const taught = weighted(graph, soft(graph, output), (1 - alpha) * temperature ** 2);
      return alpha === 0 ? taught : graph.one(add, [weighted(graph, hard(), alpha), taught]);
    },
  };
}

/** Logits of an output: those a softmax reads, or the output itself. */
function logitsOf(output: Value): Value {
  const maker = makerOf(output);
  return maker?.op === softmax ? maker.inputs[0]! : output;
}

/** Throws if the outputs of `graph` are no logits, distribution or logarithms of one over two classes or more. */
function checkClasses(what: string, graph: Graph): void {
  const { results } = graph;
  const inputs = graph.leaves.filter(v => v.leaf === "input").length;
  if (inputs !== 1 || results.length !== 1)
    throw wrongValue(what, "a network with one input and one output", `${inputs} and ${results.length}`);
  const { shape } = results[0]!.type;
  if (shape.length !== 1 || shape[0]! < 2)
    throw wrongValue(what, "a network with one output for each of two or more classes", showShape(shape));
  if (givenBy(results[0]!) === "probabilities")
    throw wrongValue(what, "a network that outputs logits or a distribution", "independent probabilities");
}

/**
 * The teacher's logits for the rows of a data set, computed row by row when they are first needed. Those of rows that
 * pass through `map` are computed every time: the teacher sees what the student sees.
 */
export class TeacherRows {
  readonly #net: Net;
  readonly #data: Dataset;
  readonly #classes: number;
  readonly #fromDistribution: boolean;
  readonly #known: { logits: Float32Array; rows: Uint8Array } | undefined;

  private constructor(net: Net, data: Dataset, graph: Graph) {
    this.#net = net;
    this.#data = data;
    this.#classes = size(graph.results[0]!.type.shape);
    this.#fromDistribution = givenBy(graph.results[0]!) === "distribution";
    const { length } = data;
    if (!data.mapped) this.#known = { logits: new Float32Array(length * this.#classes), rows: new Uint8Array(length) };
  }

  /** Throws a RangeError if teacher, data and the student's graph do not fit each other. */
  static async create(teacher: Teacher, data: Dataset, student: Graph): Promise<TeacherRows> {
    checkClasses("teacher", teacher.graph);
    checkClasses("student", student);
    const [own, wanted] = [teacher.graph, student].map(({ results }) => results[0]!.type.shape[0]!);
    if (own !== wanted) throw wrongValue("teacher", `a network for ${wanted} classes`, own);
    const { shape } = teacher.graph.leaves.find(v => v.leaf === "input")!.type;
    if (!compatibleShapes(data.shape, shape))
      throw wrongValue("teacher", `a network that takes ${showSamples(data.shape)}`, showShape(shape));
    const remedy = "normalise the data as for the teacher";
    expectScaling("dataset", data, teacher.preprocessing, "the teacher reads them", remedy);
    return new TeacherRows(await teacher.net({ capacity: 1 }), data, teacher.graph);
  }

  /** Writes the logits of row `row` to `to`, from its element `at` on. `x`: the row, where it was just computed. */
  write(to: Float32Array, at: number, row: number, x: Float32Array | undefined): void {
    const known = this.#known;
    const k = this.#classes;
    if (!known) {
      this.#compute(x ?? this.#data.row(row).x, to, at);
      return;
    }
    if (!known.rows[row]) {
      this.#compute(this.#data.row(row).x, known.logits, row * k);
      known.rows[row] = 1;
    }
    to.set(known.logits.subarray(row * k, (row + 1) * k), at);
  }

  #compute(x: Float32Array, to: Float32Array, at: number): void {
    const logits = to.subarray(at, at + this.#classes);
    logits.set(this.#net.predict(x));
    if (this.#fromDistribution) logits.forEach((p, i) => (logits[i] = log(Math.max(p, LEAST))));
  }
}

/** The smallest probability whose logarithm is taken: the least normal number of float32. */
const LEAST = 2 ** -126;
