/** Callbacks between epochs and steps, by Keras' rules. */
import { show, wrongType } from "../base/errors.ts";
import type { TypedArray } from "../base/shape.ts";
import type { Graph, Role, Value } from "../graph/graph.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Logs, Progress } from "./history.ts";
import type { Update } from "./optimizers.ts";

/**
 * States of the training by name: weights, moving averages, masks, the optimizer's moments as `<weight>/<moment>`,
 * and those that hooks have built.
 */
export interface TrainingState {
  /** Steps the optimizer has made. */
  readonly step: number;
  /** Names of the states of one role, or of all. */
  states(role?: Role): string[];
  /** Names of the states of the network: all but the optimizer's. */
  weights(): string[];
  /** A copy, in logical order. */
  read(name: string): TypedArray;
  write(name: string, values: ArrayLike<number>): void;
}

/** The training as a callback sees and controls it. */
export interface TrainingContext extends TrainingState {
  /** Counted from 0. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps of one epoch. */
  readonly stepsPerEpoch: number;
  /** Learning rate of the next step. Once set, it overrides the optimizer's schedule. */
  learningRate: number;
  /** Ends the training after this step and its epoch's validation. */
  stop(): void;
  /** Makes a checkpoint of the current state. */
  checkpoint(): Checkpoint;
}

type Done = void | Promise<void>;

/** Functions that `fit` calls and awaits. All are optional. */
export interface Callback {
  onTrainBegin?(context: TrainingContext): Done;
  onTrainEnd?(context: TrainingContext): Done;
  /** Called instead of `onTrainEnd` if an error or an abort ends the training: for cleanup. */
  onTrainError?(error: unknown, context: TrainingContext): void;
  onEpochBegin?(epoch: number, context: TrainingContext): Done;
  /** `logs`: the measures of this epoch in the history. */
  onEpochEnd?(epoch: number, logs: Logs, context: TrainingContext): Done;
  /** Called several times per epoch, and at its end. It does not shorten slices. */
  onProgress?(progress: Progress, context: TrainingContext): void;
  /** Called before every step; `batch` counts from 0 in each epoch. With one of these two, slices are one step long. */
  onBatchBegin?(batch: number, context: TrainingContext): Done;
  /** Called after every step; `logs`: the means over the epoch so far. */
  onBatchEnd?(batch: number, logs: Logs, context: TrainingContext): Done;
}

const CALLS = [
  "onTrainBegin",
  "onTrainEnd",
  "onTrainError",
  "onEpochBegin",
  "onEpochEnd",
  "onProgress",
  "onBatchBegin",
  "onBatchEnd",
] as const satisfies readonly (keyof Callback)[];

/** The names of an object's methods, including inherited ones. */
function functionsOf(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const name of Object.getOwnPropertyNames(at)) if (name !== "constructor") names.add(name);
  return [...names].filter(name => typeof (object as Record<string, unknown>)[name] === "function");
}

/**
 * Throws a TypeError for objects that `fit` would never call: without any of these functions, or with a similar
 * misspelt one. Instances of a class may have other methods and fields, unless their names begin with "on".
 */
export function checkCallbacks(callbacks: unknown): void {
  const expected = `objects with ${CALLS.join(", ")}`;
  if (!Array.isArray(callbacks)) throw wrongType("callbacks", `a list of ${expected}`, callbacks);
  callbacks.forEach((callback: unknown, i) => {
    const what = `callbacks[${i}]`;
    if (callback === null || typeof callback !== "object") throw wrongType(what, expected, callback);
    for (const name of CALLS) {
      const given = (callback as Record<string, unknown>)[name];
      if (given !== undefined && typeof given !== "function") throw wrongType(`${what}.${name}`, "a function", given);
    }
    const names = functionsOf(callback);
    const known = (name: string) => (CALLS as readonly string[]).includes(name);
    const plain = [Object.prototype, null].includes(Object.getPrototypeOf(callback));
    const unknown = names.find(name => !known(name) && (plain || /^on[A-Z]/.test(name)));
    if (unknown !== undefined)
      throw new TypeError(`"${what}" has no call ${show(unknown)}; fit knows ${CALLS.join(", ")}`);
    if (!names.some(known)) throw wrongType(what, expected, callback);
  });
}

/** The values of a training step that `StepHook.build` may read. */
export interface StepValues {
  /** The loss of each image, without penalties. */
  readonly loss: Value;
  /** The outputs of an observed layer: one for each use of the layer. */
  outputs(layer: string): readonly Value[];
  /** The value that layers read in place of `parameter`: behind the ops on its edge, or the parameter itself. */
  effective(parameter: Value): Value;
  /**
   * The gradient of the mean loss with penalties for `value`: a parameter, its effective value, or an output that the
   * hook observes. Undefined if no gradient flows.
   */
  gradient(value: Value): Value | undefined;
}

/**
 * Adds nodes to a training step when it is built (`penalties`, `build`), and changes states at certain steps (`next`,
 * `act`): pruning schedules write masks. It is cheaper than a callback on every batch, since only those steps end a
 * slice. Steps count from 0 over the whole life of the optimizer: `act(step, state)` runs before the step number
 * `step`, after `step` steps.
 */
export interface StepHook {
  /**
   * Makes numbers (of shape [1]) that are added to the loss, in training and its validation, such as penalties of
   * weights. Their gradients are added too.
   */
  penalties?(graph: Graph, parameters: readonly Value[]): readonly Value[];
  /** True if `build` reads the outputs of this layer: no fused kernel may absorb them. Default: none. */
  observes?(layer: string): boolean;
  /**
   * Adds nodes that read gradients, before the optimizer's step. They accumulate into states of the hook, made by
   * `graph.state("observation", ...)` and updated in place; `act` reads and writes them, checkpoints hold them.
   */
  build?(graph: Graph, updates: readonly Update[], step: StepValues): void;
  /**
   * Returns the name of a state of one number, 0 at first, made by the step: from the step on at which `act` writes 1
   * into it, batch normalization takes its moving statistics and leaves them alone.
   */
  freezes?(): string;
  /**
   * Called first: the training begins after `step` steps, and will end at `steps` in total. It may throw if the hook
   * could never act. `state` holds what a checkpoint or the training before has left; it is undefined in a loop of
   * single steps (`trainStep`), which always begins anew.
   */
  begin?(step: number, steps: number, state?: TrainingState): void;
  /** Returns the first step >= `step` before which it acts; undefined: never again. Default: never. */
  next?(step: number): number | undefined;
  /**
   * Acts. Also called when the training ends after `step` steps; if a later training continues from there, again before
   * its first step.
   */
  act?(step: number, state: TrainingState): void;
  /** Returns measures for the history, at the end of an epoch. */
  logs?(state: TrainingState): Logs;
  /** The training has ended after `step` steps. */
  end?(step: number): void;
  /** Returns a copy for a copy of the model, if the hook has state. */
  clone?(): StepHook;
  /**
   * Returns the hook that goes on in `graph`, which is that of the model with fewer channels in some layers, where it
   * knows shapes of weights. Default: itself.
   */
  resized?(graph: Graph): StepHook;
}

const HOOK_CALLS = [
  "penalties",
  "observes",
  "build",
  "freezes",
  "begin",
  "next",
  "act",
  "logs",
  "end",
  "clone",
  "resized",
] as const satisfies readonly (keyof StepHook)[];

/** Throws a TypeError for an object that is not a hook: a hook adds to the step, or acts at certain steps. */
export function checkHooks(hooks: unknown): void {
  const expected = "objects with next and act, build or penalties";
  if (!Array.isArray(hooks)) throw wrongType("hooks", `a list of ${expected}`, hooks);
  hooks.forEach((hook: Partial<StepHook> | undefined, i) => {
    const what = `hooks[${i}]`;
    if (hook === null || typeof hook !== "object") throw wrongType(what, expected, hook);
    for (const name of HOOK_CALLS)
      if (hook[name] !== undefined && typeof hook[name] !== "function")
        throw wrongType(`${what}.${name}`, "a function", hook[name]);
    if (!hook.next !== !hook.act || !(hook.next || hook.build || hook.penalties)) throw wrongType(what, expected, hook);
  });
}
