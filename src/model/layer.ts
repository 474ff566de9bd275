/**
 * Layers before they are part of a model. A layer is a function: called on its inputs, it returns a symbolic output.
 * Nothing is computed, named or checked before `model` or `sequential` builds the graph. Called twice, it has one set
 * of parameters.
 */
import { knownOptions, naming, show, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, size } from "../base/shape.ts";
import type { Graph, KernelLayout, Role, Value } from "../graph/graph.ts";
import type { StepHook } from "../train/callbacks.ts";
import type { Fans, Initializer } from "./initializers.ts";
import type { Regularizer } from "./regularizers.ts";

/** A symbolic output of a layer, or an input, of a network that is not built yet. */
export interface SymbolicTensor {
  /** The layer that makes it; undefined for an input of the model. */
  readonly layer?: Layer;
  readonly inputs: readonly SymbolicTensor[];
  /** Shape of one image; only set for inputs, the others follow when the model is built. */
  readonly shape?: Shape;
  /** The name of an input, if given. */
  readonly name?: string;
  /** Increases with every tensor: a layer's inputs have smaller numbers. */
  readonly order: number;
}

/** Options of every layer. */
export interface LayerOptions {
  /** Default: the kind of layer, with a number from the second one on: conv2d, conv2d_1, ... */
  name?: string;
  /** False freezes its parameters: optimizers do not change them. Default true. */
  trainable?: boolean;
  /** The shape of one image, for the first layer of a `sequential`. */
  inputShape?: Shape;
}

const LAYER_OPTIONS = ["name", "trainable", "inputShape"] as const;

export interface Layer {
  (...inputs: SymbolicTensor[]): SymbolicTensor;
  (inputs: readonly SymbolicTensor[]): SymbolicTensor;
  /** The function that made it; also the prefix of its default name. */
  readonly kind: string;
  readonly options: Readonly<LayerOptions>;
  /** Names of the parameters that pruning may mask. */
  readonly prunable: readonly string[];
  readonly build: Build;
}

/** Adds the layer to a graph. */
export type Build = (inputs: readonly Value[], to: Building) => Value;

export interface ParameterOptions {
  role: Role;
  initializer: Initializer;
  /** Fans for the initializer. Default: those of a vector, length in and length out. */
  fans?: Fans;
  regularizer?: Regularizer | undefined;
  /** Keras' layout of a kernel. Default: that of the op that reads it. */
  layout?: KernelLayout;
}

/** One layer while its model is built. */
export interface Building {
  readonly graph: Graph;
  /** Its name in this model. */
  readonly name: string;
  /** The leaf `<layer>/<name>`, initialized on first use. */
  parameter(name: string, shape: Shape, options: ParameterOptions): Value;
  /** Adds a hook that takes part in every `fit` of the model. */
  hook(hook: StepHook): void;
}

let tensors = 0;

/** Makes a symbolic tensor. */
export const symbolic = (made: Omit<SymbolicTensor, "order">): SymbolicTensor => ({ ...made, order: tensors++ });

export const isSymbolic = (x: unknown): x is SymbolicTensor =>
  x !== null && typeof x === "object" && "order" in x && "inputs" in x;

export interface LayerTraits {
  /** Minimum and maximum number of input tensors. Default: one. */
  readonly arity?: readonly [least: number, most: number];
  /** Names of the parameters that pruning may mask. Default: none. */
  readonly prunable?: readonly string[];
}

/**
 * Makes a layer. `own`: the options it knows beside LAYER_OPTIONS; `prepare` checks their values, after unknown names
 * are refused. Errors name the kind of layer or the option.
 */
export function layer<O extends LayerOptions>(
  kind: string,
  options: O,
  own: readonly string[],
  prepare: (options: O) => Build,
  traits: LayerTraits = {},
): Layer {
  const given = options?.name;
  return naming(typeof given === "string" ? `${kind} ${show(given)}` : kind, () =>
    checkedLayer(kind, options, own, prepare, traits),
  );
}

function checkedLayer<O extends LayerOptions>(
  kind: string,
  options: O,
  own: readonly string[],
  prepare: (options: O) => Build,
  { arity: [least, most] = [1, 1], prunable = [] }: LayerTraits,
): Layer {
  if (options === null || typeof options !== "object") throw wrongType(kind, "an options object", options);
  knownOptions(kind, options, [...own, ...LAYER_OPTIONS]);
  const { name, trainable, inputShape } = options;
  if (name !== undefined) checkName(name);
  if (trainable !== undefined && typeof trainable !== "boolean") throw wrongType("trainable", "a boolean", trainable);
  if (inputShape !== undefined) checkedShape("inputShape", inputShape);
  const call = (...given: (SymbolicTensor | readonly SymbolicTensor[])[]): SymbolicTensor => {
    const inputs = given.flat() as SymbolicTensor[];
    for (const x of inputs)
      if (!isSymbolic(x)) throw wrongType(`${kind} is called on`, "what input() or a layer gives", x);
    if (inputs.length < least || inputs.length > most) {
      const expected = least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
      throw new RangeError(`"${kind}" expected ${expected} input${expected === "1" ? "" : "s"}, got ${inputs.length}`);
    }
    return symbolic({ layer: made, inputs });
  };
  const made: Layer = Object.assign(call, { kind, options, prunable, build: prepare(options) });
  return made;
}

export function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string") throw wrongType("name", "a string", name);
  if (!/^[^/\s]+$/.test(name)) throw wrongValue("name", "a name without spaces and slashes", name);
}

export function checkedShape(what: string, shape: unknown): Shape {
  if (!Array.isArray(shape)) throw wrongType(what, "an array of sizes", shape);
  if (!shape.every(n => Number.isInteger(n) && n > 0)) throw wrongValue(what, "integers >= 1", shape);
  return [...shape];
}

/** Keras' compute_fans of a kernel [taps..., in, out]. */
export const kernelFans = (taps: Shape, incoming: number, outgoing: number): Fans => ({
  in: size(taps) * incoming,
  out: size(taps) * outgoing,
});
