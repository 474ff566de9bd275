/**
 * Builds the graph of one training step from a model's: images from a stream, training form, loss and penalties, fuse,
 * gradient, nodes of hooks, optimizer, fuse again. Images, labels, learning rate and seed change from step to step:
 * they are data in streams, never a new program.
 */
import { wrongValue } from "../base/errors.ts";
import type { DType, Shape } from "../base/shape.ts";
import { streamInputs } from "../graph/edit.ts";
import { type Graph, isLearned, type Type, type Value } from "../graph/graph.ts";
import { rescale } from "../ops/arithmetic/rescale.ts";
import { GRADIENT } from "../ops/index.ts";
import { one, penalty } from "../ops/loss/penalty.ts";
import { share } from "../ops/loss/share.ts";
import { TALLY, tally, tallyPenalty } from "../ops/loss/tally.ts";
import { BACKWARD, FORWARD, fuse } from "../passes/fuse.ts";
import { gradient } from "../passes/gradient.ts";
import { trainingForm } from "../passes/training.ts";
import type { StepHook, StepValues } from "./callbacks.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { Optimizer, Update } from "./optimizers.ts";

/** The format of a data set's images in the stream: real = scale * stored + offset. */
export interface ImageFormat {
  dtype: DType;
  scale: number;
  offset: number;
}

/** A penalty l1 sum |w| + l2 sum w^2 of a weight, which is added to the loss. */
export interface Regularizer {
  readonly l1: number;
  readonly l2: number;
}

/** Penalties by the names of weights. Frozen weights have none, as in Keras. */
export type Regularizers = ReadonlyMap<string, Regularizer>;

export interface StepOptions {
  images: ImageFormat;
  /** The type of the targets. */
  target: Type;
  loss: Loss;
  metrics: readonly Metric[];
  regularizers?: Regularizers;
  /** Their penalties are part of the loss; their nodes are part of a training step. */
  hooks?: readonly StepHook[];
  /** True if images have weights. They scale the loss; metrics count every image once, as in Keras. */
  weighted: boolean;
  /** The purpose of the step: training, gradients, or measures alone. */
  goal: { optimizer: Optimizer } | "gradients" | "measures";
}

export interface Step {
  graph: Graph;
  /**
   * The trained parameters, by the names of the model's leaves. With the goal "gradients", result i is d loss / d
   * parameter i.
   */
  parameters: readonly Value[];
}

/** Names of the streams. Those of images differ by type: training and validation data may be stored differently. */
export const STREAM = {
  images: (format: ImageFormat): string => `images:${format.dtype}`,
  target: "target",
  weight: "weight",
} as const;

/** The leaf that accumulates the loss, or a metric, over all images. */
export const tallyOf = (name: string): string => `sum of ${name}`;

const perImage = (dtype: DType, shape: Shape = []): Type => ({ shape, dtype, batched: true });

export function buildStep(model: Graph, options: StepOptions): Step {
  const { graph } = model.copy();
  streamInputs(graph, input => streamImages(graph, input, options.images));
  const { goal, hooks = [] } = options;
  const [frozen] = hooks.flatMap(hook => hook.freezes?.() ?? []);
  if (goal !== "measures") trainingForm(graph, frozen);

  const output = graph.results[0]!;
  const observers = typeof goal === "object" ? hooks.filter(hook => hook.build && hook.observes) : [];
  const observed = outputsOf(graph, layer => observers.some(hook => hook.observes!(layer)));
  const parameters = graph.leaves.filter(v => isLearned(v.role) && !v.frozen);
  const target = graph.leaf("stream", STREAM.target, options.target);
  const weights = options.weighted ? [graph.leaf("stream", STREAM.weight, perImage("f32"))] : [];
  const loss = graph.scope("loss", () => options.loss.build(graph, output, target));
  let sum = graph.one(tally, [loss, graph.leaf("tally", tallyOf("loss"), TALLY), ...weights]);
  const penalties = penaltiesOf(graph, parameters, options.regularizers);
  for (const hook of hooks) penalties.push(...(hook.penalties?.(graph, parameters) ?? []));
  for (const each of penalties) sum = graph.one(tallyPenalty, [each, sum, loss]);
  for (const metric of options.metrics) {
    const counted = graph.scope(metric.name, () => metric.build(graph, output, target));
    graph.add(tally, [counted, graph.leaf("tally", tallyOf(metric.name), TALLY)]);
  }
  // fusion never removes a result; if it replaces one, the list of results is updated
  graph.results = observed.map(([, output]) => output);
  fuse(graph, FORWARD);
  const outputs = graph.results.map((output, i) => [observed[i]![0], output] as const);
  graph.results = [];
  if (goal === "measures") return { graph, parameters };

  const seeds: [Value, Value][] = [[loss, graph.one(share, [loss, ...weights])]];
  if (penalties.length) {
    const whole = graph.one(one, []);
    for (const each of penalties) seeds.push([each, whole]);
  }
  const effective = new Map(parameters.map(parameter => [parameter, behindEdge(graph, parameter)]));
  const wrt = [...new Set([...parameters, ...effective.values(), ...outputs.map(([, output]) => output)])];
  const made = gradient(graph, GRADIENT, seeds, wrt);
  const gradients = new Map(wrt.map((value, i) => [value, made[i]]));
  const updates = parameters.flatMap((parameter): Update[] => {
    const gradient = gradients.get(parameter);
    return gradient ? [{ parameter, gradient }] : [];
  });
  if (goal === "gradients") graph.results = updates.map(u => u.gradient);
  else {
    const values = stepValues(loss, outputs, effective, gradients);
    for (const hook of hooks) hook.build?.(graph, updates, values);
    goal.optimizer.build(graph, updates);
  }
  fuse(graph, BACKWARD);
  graph.prune();
  return { graph, parameters: updates.map(u => u.parameter) };
}

/**
 * Lists the outputs of the layers that `observes` picks, each with its layer. Another layer reads them, or they are
 * results.
 */
function outputsOf(graph: Graph, observes: (layer: string) => boolean): (readonly [layer: string, output: Value])[] {
  const results = new Set(graph.results);
  const picked = new Map([...new Set(graph.nodes.map(n => n.name))].map(name => [name, observes(name)]));
  return graph.nodes.flatMap(n => {
    const output = n.outputs[0]!;
    if (!picked.get(n.name) || n.op.updates) return [];
    return results.has(output) || graph.users(output).some(user => user.name !== n.name) ? [[n.name, output]] : [];
  });
}

/** Returns the last value of the chain of ops on a weight's edge. */
function behindEdge(graph: Graph, weight: Value): Value {
  let value = weight;
  for (;;) {
    const next = graph.users(value).find(n => n.op.weightEdge && n.inputs[0] === value);
    if (!next) return value;
    value = next.outputs[0]!;
  }
}

function stepValues(
  loss: Value,
  outputs: readonly (readonly [layer: string, output: Value])[],
  effective: ReadonlyMap<Value, Value>,
  gradients: ReadonlyMap<Value, Value | undefined>,
): StepValues {
  return {
    loss,
    outputs(layer) {
      const found = outputs.filter(([name]) => name === layer).map(([, output]) => output);
      if (found.length) return found;
      const names = [...new Set(outputs.map(([name]) => name))].join(", ") || "none";
      throw wrongValue("outputs", `a layer that a hook observes (${names})`, layer);
    },
    effective(parameter) {
      const value = effective.get(parameter);
      if (!value) throw wrongValue("effective", "a weight that is trained", parameter.name);
      return value;
    },
    gradient(value) {
      if (!gradients.has(value))
        throw wrongValue("gradient", "a weight that is trained, or an output that a hook observes", value.name);
      return gradients.get(value);
    },
  };
}

function streamImages(graph: Graph, input: Value, format: ImageFormat): Value {
  const type = { shape: input.type.shape, dtype: format.dtype, batched: true };
  const leaf = graph.leaf("stream", STREAM.images(format), type);
  if (format.dtype === "f32" && format.scale === 1 && format.offset === 0) return leaf;
  return graph.one(rescale, [leaf], { scale: format.scale, offset: format.offset });
}

function penaltiesOf(graph: Graph, parameters: readonly Value[], regularizers: Regularizers | undefined): Value[] {
  const penalties: Value[] = [];
  for (const [name, { l1, l2 }] of regularizers ?? []) {
    if (!graph.leafOf(name))
      throw wrongValue("regularizers", `names of weights: ${parameters.map(v => v.name).join(", ")}`, name);
    const parameter = parameters.find(v => v.name === name);
    if (parameter && (l1 || l2)) penalties.push(graph.scope(name, () => graph.one(penalty, [parameter], { l1, l2 })));
  }
  return penalties;
}
