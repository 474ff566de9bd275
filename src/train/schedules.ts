/**
 * Learning rates over the steps of an optimizer, in Keras' formulas. A schedule is a function from the step, counted
 * from 0, to the rate.
 */
import { integer, knownOptions, naming, number, wrongType, wrongValue } from "../base/errors.ts";
import { cos, pow } from "../base/math.ts";
import { type Steps, stepsOf } from "./share-of-steps.ts";

export interface Schedule {
  (step: number): number;
  /** Resolves the schedule for a training of `steps` steps, if it depends on them. */
  during?(steps: number): Schedule;
}

/** The same at every step, or a function of the step. */
export type LearningRate = number | Schedule;

/** The rate at a step, of a training of `steps` steps if known. */
export function rateAt(rate: LearningRate, step: number, steps?: number): number {
  if (typeof rate === "number") return rate;
  const schedule = (steps !== undefined && rate.during?.(steps)) || rate;
  return number(`learningRate(${step})`, schedule(step), { min: 0 });
}

/** A schedule that depends on the length of the training, since some of its numbers are fractions of it. */
function sharing(shares: Readonly<Record<string, Steps>>, make: (steps: number) => Schedule): Schedule {
  const asked = Object.entries(shares).find(([, value]) => typeof value === "string");
  if (!asked) return make(0);
  const unknown = () => {
    throw wrongValue(asked[0], "a number of steps, as it is not known how many there will be", asked[1]);
  };
  let last: { steps: number; schedule: Schedule } | undefined;
  const during = (steps: number) => {
    if (last?.steps !== steps) last = { steps, schedule: make(steps) };
    return last.schedule;
  };
  return Object.assign(unknown as () => number, { during });
}

export function checkedRate(rate: unknown): LearningRate {
  return typeof rate === "function" ? (rate as Schedule) : number("learningRate", rate, { min: 0 });
}

export function constant(rate: number): Schedule {
  number("rate", rate, { min: 0 });
  return () => rate;
}

/** values[i] up to and at step boundaries[i], then the next. Keras: PiecewiseConstantDecay. */
export function piecewiseConstant(boundaries: readonly number[], values: readonly number[]): Schedule {
  return naming("piecewiseConstant", () => {
    if (!Array.isArray(boundaries)) throw wrongType("boundaries", "an array of steps", boundaries);
    if (!Array.isArray(values)) throw wrongType("values", "an array of rates", values);
    boundaries.forEach((at, i) => integer(`boundaries[${i}]`, at, i ? boundaries[i - 1]! + 1 : 0));
    values.forEach((rate, i) => number(`values[${i}]`, rate, { min: 0 }));
    if (values.length !== boundaries.length + 1)
      throw wrongValue("values", `${boundaries.length + 1} rates, one more than there are boundaries`, values);
    return step => values[boundaries.filter(at => step > at).length]!;
  });
}

export interface ExponentialDecayOptions {
  /** Steps in which the rate is multiplied by `decayRate`, or a fraction of the training like "25%". */
  decaySteps: Steps;
  decayRate: number;
  /** Integer powers only. Default false. */
  staircase?: boolean;
}

/** Checks a required options object with these keys. */
function expectOptions(what: string, options: object | undefined, allowed: readonly string[]): void {
  if (options === undefined) throw wrongType(what, `options: ${allowed.join(", ")}`, options);
  knownOptions(what, options, allowed);
}

/** Steps of a decay: any number above 0, or a fraction of the training, of at least one step. */
function decayOf(value: Steps): (steps: number) => number {
  if (typeof value !== "string") {
    number("decaySteps", value, { above: 0 });
    return () => value;
  }
  const of = stepsOf("decaySteps", value, 1);
  return steps => Math.max(1, of(steps));
}

/** rate * decayRate^(step / decaySteps); `staircase`: integer powers only. Keras: ExponentialDecay. */
export function exponentialDecay(rate: number, options: ExponentialDecayOptions): Schedule {
  return naming("exponentialDecay", () => {
    expectOptions("exponentialDecay", options, ["decaySteps", "decayRate", "staircase"]);
    const { decaySteps, decayRate, staircase = false } = options;
    number("rate", rate, { min: 0 });
    const decay = decayOf(decaySteps);
    number("decayRate", decayRate, { above: 0 });
    return sharing({ decaySteps }, steps => {
      const length = decay(steps);
      return step => {
        const exponent = step / length;
        return rate * pow(decayRate, staircase ? Math.floor(exponent) : exponent);
      };
    });
  });
}

export interface CosineDecayOptions {
  /**
   * Steps from the highest rate to the lowest, or a fraction of the training like "100%": `fit` knows its length,
   * `trainStep` by `steps`.
   */
  decaySteps: Steps;
  /** The lowest rate, as a fraction of the highest. Default 0. */
  alpha?: number;
  /**
   * Steps of the linear warm-up from `rate` to `warmupTarget` before the decay, or a fraction of the training. Default
   * 0.
   */
  warmupSteps?: Steps;
  /** The highest rate. Default: `rate`. */
  warmupTarget?: number;
}

/** Half a cosine from the rate (or from the end of the warm-up) down. Keras: CosineDecay. */
export function cosineDecay(rate: number, options: CosineDecayOptions): Schedule {
  return naming("cosineDecay", () => {
    expectOptions("cosineDecay", options, ["decaySteps", "alpha", "warmupSteps", "warmupTarget"]);
    const { decaySteps, alpha = 0, warmupSteps = 0, warmupTarget = rate } = options;
    number("rate", rate, { min: 0 });
    const decay = decayOf(decaySteps);
    number("alpha", alpha, { min: 0, max: 1 });
    const warmup = stepsOf("warmupSteps", warmupSteps, 0);
    number("warmupTarget", warmupTarget, { min: 0 });
    return sharing({ decaySteps, warmupSteps }, steps => {
      const [up, down] = [warmup(steps), decay(steps)];
      return step => {
        if (step < up) return rate + ((warmupTarget - rate) * step) / up;
        const done = Math.min(step - up, down) / down;
        const cosine = 0.5 * (1 + cos(Math.PI * done));
        return warmupTarget * ((1 - alpha) * cosine + alpha);
      };
    });
  });
}
