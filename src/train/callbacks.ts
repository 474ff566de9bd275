/** What may happen between epochs and steps, by Keras' rules. */
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
  /** Of one role, or all. */
  states(role?: Role): string[];
  /** Of the states, those that belong to the network: all but the optimizer's. */
  weights(): string[];
  /** A copy, in logical order. */
  read(name: string): TypedArray;
  write(name: string, values: ArrayLike<number>): void;
}

/** The training as a callback sees it, and what it may do to it. */
export interface TrainingContext extends TrainingState {
  /** Counted from 0. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps of one epoch. */
  readonly stepsPerEpoch: number;
  /** Of the next step. Once set, it stays, whatever the optimizer's schedule says. */
  learningRate: number;
  /** Ends the training after this step and its epoch's validation. */
  stop(): void;
  /** Everything that is needed to go on from here. */
  checkpoint(): Checkpoint;
}

type Done = void | Promise<void>;

/** What `fit` calls as it goes; it waits for what is asynchronous. All parts may be left out. */
export interface Callback {
  onTrainBegin?(context: TrainingContext): Done;
  onTrainEnd?(context: TrainingContext): Done;
  /** Instead of `onTrainEnd`, where an error or an abort ends the training: for what has to be closed. */
  onTrainError?(error: unknown, context: TrainingContext): void;
  onEpochBegin?(epoch: number, context: TrainingContext): Done;
  /** `logs`: what the history gets for this epoch. */
  onEpochEnd?(epoch: number, logs: Logs, context: TrainingContext): Done;
  /** Several times an epoch, and when one has ended. It cuts no slices. */
  onProgress?(progress: Progress, context: TrainingContext): void;
  /** Before every step; `batch` counts from 0 in each epoch. With one of these two, slices are one step long. */
  onBatchBegin?(batch: number, context: TrainingContext): Done;
  /** After every step; `logs`: the means over the epoch so far. */
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

/** The names of an object's functions, those of its class among them. */
function functionsOf(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const name of Object.getOwnPropertyNames(at)) if (name !== "constructor") names.add(name);
  return [...names].filter(name => typeof (object as Record<string, unknown>)[name] === "function");
}

/**
 * A TypeError for what `fit` would never call: what is no object with one of these functions, or has a function that only looks like one.
 * Objects of a class may have other functions and data of their own, as long as their names do not begin with "on".
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
  /** The outputs of a layer that the hook observes: one for each time the layer is used. */
  outputs(layer: string): readonly Value[];
  /** The value that layers read in place of `parameter`: behind the ops on its edge, or the parameter itself. */
  effective(parameter: Value): Value;
  /**
   * The gradient of the mean loss with penalties for `value`: a parameter, the value that is effective in its
   * place, or an output that the hook observes. It is undefined where nothing flows.
   */
  gradient(value: Value): Value | undefined;
}

/**
 * Adds nodes to a training step when it is built (`penalties`, `build`), and changes states at certain steps
 * (`next`, `act`): pruning schedules write masks. It is cheaper than a callback on every batch, as slices are cut
 * only at those steps. Steps count from 0 over the whole life of the optimizer: `act(step, state)` runs before the
 * step number `step`, when `step` steps were made.
 */
export interface StepHook {
  /**
   * Makes numbers (of shape [1]) that are added to the loss, in training and its validation, such as penalties of
   * weights. Their gradients are added too.
   */
  penalties?(graph: Graph, parameters: readonly Value[]): readonly Value[];
  /** Does `build` read the outputs of this layer? No fused kernel swallows them then. Default: of none. */
  observes?(layer: string): boolean;
  /**
   * Adds nodes that read gradients, before the optimizer makes its step. They gather in states of the hook's own,
   * made by `graph.state("observation", ...)` and updated in place; `act` reads and writes them, checkpoints hold
   * them.
   */
  build?(graph: Graph, updates: readonly Update[], step: StepValues): void;
  /**
   * Called before anything else: the training begins with `step` steps made, and will have made `steps` in all. It may
   * throw where it could never act. `state` holds what a checkpoint or the training before has left; it is undefined in
   * a loop of single steps (`trainStep`), which always begins anew.
   */
  begin?(step: number, steps: number, state?: TrainingState): void;
  /** The first step >= `step` before which it wants to act; undefined: it is done. Default: never. */
  next?(step: number): number | undefined;
  /** Also called when the training ends with `step` steps made; should a later training go on there, once more before its first step. */
  act?(step: number, state: TrainingState): void;
  /** Measures of its own for the history, as they are at the end of an epoch. */
  logs?(state: TrainingState): Logs;
  /** The training is over with `step` steps made. */
  end?(step: number): void;
  /** One of its own for a copy of the model, where it counts something. */
  clone?(): StepHook;
}

const HOOK_CALLS = [
  "penalties",
  "observes",
  "build",
  "begin",
  "next",
  "act",
  "logs",
  "end",
  "clone",
] as const satisfies readonly (keyof StepHook)[];

/** Throws a TypeError for what is no hook: a hook adds to the step, or acts at steps that it names. */
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
