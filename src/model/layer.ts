/**
 * Layers before they are part of a model. A layer is a function: called on what it is to read, it gives what it will make,
 * and nothing is computed, named or checked before `model` or `sequential` builds the graph. Called twice, it has one set of parameters.
 */
import { knownOptions, naming, show, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, size } from "../base/shape.ts";
import type { Graph, KernelLayout, Role, Value } from "../graph/graph.ts";
import type { StepHook } from "../train/callbacks.ts";
import type { Fans, Initializer } from "./initializers.ts";
import type { Regularizer } from "./regularizers.ts";

/** What a layer will make, or an input: a place in a network that is being written down. */
export interface SymbolicTensor {
  /** Undefined: an input of the model. */
  readonly layer?: Layer;
  readonly inputs: readonly SymbolicTensor[];
  /** Of one image; of inputs only, the rest is known once the model is built. */
  readonly shape?: Shape;
  /** The name an input was given. */
  readonly name?: string;
  /** Grows with every tensor: a layer's inputs come before it. */
  readonly order: number;
}

/** What every layer takes. */
export interface LayerOptions {
  /** Default: the kind of layer, with a number from the second of a model on: conv2d, conv2d_1, ... */
  name?: string;
  /** May an optimizer change its parameters? Default true. */
  trainable?: boolean;
  /** The shape of one image, where it is the first layer of a `sequential`. */
  inputShape?: Shape;
}

const LAYER_OPTIONS = ["name", "trainable", "inputShape"] as const;

export interface Layer {
  (...inputs: SymbolicTensor[]): SymbolicTensor;
  (inputs: readonly SymbolicTensor[]): SymbolicTensor;
  /** Which function made it; also the beginning of the name it gets where it has none. */
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
  /** Default: as for a vector, length in and length out. */
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
  /** The leaf `<layer>/<name>`, drawn on first use. */
  parameter(name: string, shape: Shape, options: ParameterOptions): Value;
  /** What is to take part in every `fit` of the model. */
  hook(hook: StepHook): void;
}

let tensors = 0;

/** A tensor of the network that is being written down. */
export const symbolic = (made: Omit<SymbolicTensor, "order">): SymbolicTensor => ({ ...made, order: tensors++ });

export const isSymbolic = (x: unknown): x is SymbolicTensor =>
  x !== null && typeof x === "object" && "order" in x && "inputs" in x;

export interface LayerTraits {
  /** The least and the greatest number of tensors it reads. Default: one. */
  readonly arity?: readonly [least: number, most: number];
  /** Names of the parameters that pruning may mask. Default: none. */
  readonly prunable?: readonly string[];
}

/**
 * A layer. `own`: the options it knows beside LAYER_OPTIONS, which `prepare` checks, once their names are known to be right.
 * Errors name the kind of layer or the option.
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
