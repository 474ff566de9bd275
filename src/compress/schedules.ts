/**
 * Schedules: when to prune, and how much. The constant and the polynomial one are those of the TensorFlow Model
 * Optimization Toolkit (tfmot 0.8.1), with one update more at the end step, so that the final sparsity is reached
 * exactly whatever the frequency.
 *
 * Steps count from 1: the first training step is step 1, as tfmot's counter has it. A schedule that begins at step 0
 * with frequency 100 therefore prunes first at step 100.
 */
import { knownOptions, naming, number, wrongType, wrongValue } from "../base/errors.ts";
import { pow } from "../base/math.ts";
import { type Steps, stepsOf } from "../train/share-of-steps.ts";

export interface SparsityStep {
  /** True where masks are made anew before this step. */
  prune: boolean;
  /** The share of weights that are zero from then on, 0 <= sparsity < 1. */
  sparsity: number;
}

/** A user's schedule: returns what happens at a step. */
export type SparsityFunction = (step: number) => SparsityStep;

export type { Steps };

export interface SparsitySchedule {
  readonly name: string;
  /** As it was given. */
  readonly config: Readonly<Record<string, Steps>>;
  /** The schedule in a training of `steps` steps. */
  during(steps: number): SparsityFunction;
}

export interface ConstantSparsityOptions {
  targetSparsity: number;
  /** Default 0. */
  beginStep?: Steps;
  /** Default -1: to the end of the training. */
  endStep?: Steps;
  /** Steps from update to update. Default 100. */
  frequency?: Steps;
}

/**
 * The same sparsity from the begin step to the end step. tfmot: ConstantSparsity.
 * Errors: TypeError for a wrong type or option; RangeError for a sparsity outside of 0 <= s < 1 or steps in the wrong
 * order.
 */
export function constantSparsity(options: ConstantSparsityOptions): SparsitySchedule {
  return naming("constantSparsity", () => {
    if (options === undefined)
      throw wrongType("constantSparsity", "options: targetSparsity, beginStep, endStep, frequency", options);
    knownOptions("constantSparsity", options, ["targetSparsity", "beginStep", "endStep", "frequency"]);
    const { beginStep = 0, endStep = -1, frequency = 100 } = options;
    const targetSparsity = share("targetSparsity", options.targetSparsity);
    const span = checkedSpan({ beginStep, endStep, frequency }, -1);
    return {
      name: "constantSparsity",
      config: { targetSparsity, beginStep, endStep, frequency },
      during(steps) {
        const updates = span(steps);
        return step => ({ prune: updates.at(step), sparsity: targetSparsity });
      },
    };
  });
}

export interface PolynomialDecayOptions {
  initialSparsity: number;
  finalSparsity: number;
  /** Default 0. */
  beginStep?: Steps;
  endStep: Steps;
  /** Default 3. */
  power?: number;
  /** Steps from update to update. Default 100. */
  frequency?: Steps;
}

/**
 * A sparsity that grows, fast at first. tfmot: PolynomialDecay. M. Zhu, S. Gupta, "To prune, or not to prune" (2017):
 * sparsity = final + (initial - final) (1 - p)^power, where p goes from 0 at the begin step to 1 at the end step.
 * Errors: as of `constantSparsity`.
 */
export function polynomialDecay(options: PolynomialDecayOptions): SparsitySchedule {
  return naming("polynomialDecay", () => {
    if (options === undefined)
      throw wrongType(
        "polynomialDecay",
        "options: initialSparsity, finalSparsity, beginStep, endStep, power, frequency",
        options,
      );
    const known = ["initialSparsity", "finalSparsity", "beginStep", "endStep", "power", "frequency"];
    knownOptions("polynomialDecay", options, known);
    return polynomial(options);
  });
}

/** `polynomialDecay` with errors that name no function. */
function polynomial(options: PolynomialDecayOptions): SparsitySchedule {
  const { beginStep = 0, endStep, frequency = 100 } = options;
  const initialSparsity = share("initialSparsity", options.initialSparsity);
  const finalSparsity = share("finalSparsity", options.finalSparsity);
  const power = number("power", options.power ?? 3, { above: 0 });
  const span = checkedSpan({ beginStep, endStep, frequency }, 0);
  return {
    name: "polynomialDecay",
    config: { initialSparsity, finalSparsity, beginStep, endStep, power, frequency },
    during(steps) {
      const updates = span(steps);
      return step => {
        const length = updates.end - updates.begin;
        const p = length ? Math.max(0, Math.min(1, (step - updates.begin) / length)) : step < updates.end ? 0 : 1;
        const left = pow(1 - p, power);
        return { prune: updates.at(step), sparsity: finalSparsity + (initialSparsity - finalSparsity) * left };
      };
    },
  };
}

export interface AutomatedGradualPruningOptions {
  /** Default 0. */
  initialSparsity?: number;
  finalSparsity: number;
  /** Default 0. */
  beginStep?: Steps;
  /** Default "75%". */
  endStep?: Steps;
  /** Steps from update to update. Default 100. */
  frequency?: Steps;
}

/**
 * The cubic schedule of M. Zhu and S. Gupta, "To prune, or not to prune" (2017), which calls it automated gradual
 * pruning (AGP): `polynomialDecay` of power 3 from a sparsity of 0, with which a quarter of the training is left to
 * recover in. Errors: as of `constantSparsity`.
 */
export function automatedGradualPruning(options: AutomatedGradualPruningOptions): SparsitySchedule {
  return naming("automatedGradualPruning", () => {
    if (options === undefined)
      throw wrongType(
        "automatedGradualPruning",
        "options: finalSparsity, initialSparsity, beginStep, endStep, frequency",
        options,
      );
    const known = ["initialSparsity", "finalSparsity", "beginStep", "endStep", "frequency"];
    knownOptions("automatedGradualPruning", options, known);
    const { initialSparsity = 0, endStep = "75%" } = options;
    return { ...polynomial({ ...options, initialSparsity, endStep }), name: "automatedGradualPruning" };
  });
}

export interface OneShotOptions {
  targetSparsity: number;
  /** The step before which it prunes, counted from 1. Default 1. */
  step?: Steps;
}

/**
 * All at once, before one step: what single-shot criteria and comparisons want. A criterion that gathers gradients
 * needs steps before that, so that `step` is 2 at least.
 * Errors: TypeError for a wrong type or option; RangeError for a sparsity outside of 0 <= s < 1 or a step below 1.
 */
export function oneShot(options: OneShotOptions): SparsitySchedule {
  return naming("oneShot", () => {
    if (options === undefined) throw wrongType("oneShot", "options: targetSparsity, step", options);
    knownOptions("oneShot", options, ["targetSparsity", "step"]);
    const { step = 1 } = options;
    const targetSparsity = share("targetSparsity", options.targetSparsity);
    const place = stepsOf("step", step, 1);
    return {
      name: "oneShot",
      config: { targetSparsity, step },
      during(steps) {
        const at = Math.max(1, place(steps));
        return now => ({ prune: now === at, sparsity: now < at ? 0 : targetSparsity });
      },
    };
  });
}

/** Returns what a schedule does in a training of `steps` steps; a user's function is checked at each step. */
export function scheduleDuring(schedule: SparsitySchedule | SparsityFunction, steps: number): SparsityFunction {
  if (typeof schedule !== "function") return schedule.during(steps);
  return step => {
    const made = schedule(step);
    if (typeof made?.prune !== "boolean")
      throw wrongType(`schedule(${step})`, "{ prune: boolean, sparsity: number }", made);
    return made.prune ? { prune: true, sparsity: share(`schedule(${step}).sparsity`, made.sparsity) } : made;
  };
}

export function checkSchedule(schedule: unknown): asserts schedule is SparsitySchedule | SparsityFunction {
  if (typeof schedule === "function") return;
  if (typeof (schedule as SparsitySchedule | undefined)?.during !== "function")
    throw wrongType("schedule", "constantSparsity(...), polynomialDecay(...) or a function of the step", schedule);
}

/** 0 <= sparsity < 1. */
export const share = (what: string, value: unknown): number => number(what, value, { min: 0, below: 1 });

/** The steps at which masks are made anew. */
interface Updates {
  begin: number;
  end: number;
  at(step: number): boolean;
}

/**
 * Checks what can be checked before the length of the training is known. The function that it returns gives the updates
 * of a training of so many steps.
 */
export function checkedSpan(
  { beginStep, endStep, frequency }: { beginStep: Steps; endStep: Steps; frequency: Steps },
  leastEnd: number,
): (steps: number) => Updates {
  const begin = stepsOf("beginStep", beginStep, 0);
  const end = stepsOf("endStep", endStep, leastEnd);
  const every = stepsOf("frequency", frequency, 1);
  if (typeof beginStep === "number" && typeof endStep === "number") inOrder(beginStep, endStep);
  return steps => {
    const updates = { begin: begin(steps), end: end(steps), every: Math.max(1, every(steps)) };
    inOrder(updates.begin, updates.end);
    return {
      begin: updates.begin,
      end: updates.end,
      at(step) {
        const since = step - updates.begin;
        if (since < 0 || (updates.end >= 0 && step > updates.end)) return false;
        return since % updates.every === 0 || step === updates.end;
      },
    };
  };
}

function inOrder(begin: number, end: number): void {
  if (end >= 0 && begin > end) throw wrongValue("endStep", `a step >= beginStep (${begin}), or -1`, end);
}
