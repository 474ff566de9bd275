/** Learning rates over the steps of an optimizer, in Keras' formulas. A schedule is a function from the step, counted from 0, to the rate. */
import { integer, knownOptions, number, wrongType, wrongValue } from "../base/errors.ts";
import { cos, pow } from "../base/math.ts";

export type Schedule = (step: number) => number;

/** The same at every step, or a function of the step. */
export type LearningRate = number | Schedule;

export const rateAt = (rate: LearningRate, step: number): number =>
  typeof rate === "number" ? rate : number(`learningRate(${step})`, rate(step), { min: 0 });

export function checkedRate(rate: unknown): LearningRate {
  return typeof rate === "function" ? (rate as Schedule) : number("learningRate", rate, { min: 0 });
}

export function constant(rate: number): Schedule {
  number("rate", rate, { min: 0 });
  return () => rate;
}

/** values[i] up to and at step boundaries[i], then the next. Keras: PiecewiseConstantDecay. */
export function piecewiseConstant(boundaries: readonly number[], values: readonly number[]): Schedule {
  if (!Array.isArray(boundaries)) throw wrongType("boundaries", "an array of steps", boundaries);
  if (!Array.isArray(values)) throw wrongType("values", "an array of rates", values);
  boundaries.forEach((at, i) => integer(`boundaries[${i}]`, at, i ? boundaries[i - 1]! + 1 : 0));
  values.forEach((rate, i) => number(`values[${i}]`, rate, { min: 0 }));
  if (values.length !== boundaries.length + 1)
    throw wrongValue("values", `${boundaries.length + 1} rates, one more than there are boundaries`, values);
  return step => values[boundaries.filter(at => step > at).length]!;
}

export interface ExponentialDecayOptions {
  /** Steps in which the rate is multiplied by `decayRate`. */
  decaySteps: number;
  decayRate: number;
  /** Whole powers only. Default false. */
  staircase?: boolean;
}

/** An options object that cannot be left out, with no names but these. */
function expectOptions(what: string, options: object | undefined, allowed: readonly string[]): void {
  if (options === undefined) throw wrongType(what, `options: ${allowed.join(", ")}`, options);
  knownOptions(what, options, allowed);
}

/** rate * decayRate^(step / decaySteps); `staircase`: whole powers only. Keras: ExponentialDecay. */
export function exponentialDecay(rate: number, options: ExponentialDecayOptions): Schedule {
  expectOptions("exponentialDecay", options, ["decaySteps", "decayRate", "staircase"]);
  const { decaySteps, decayRate, staircase = false } = options;
  number("rate", rate, { min: 0 });
  number("decaySteps", decaySteps, { above: 0 });
  number("decayRate", decayRate, { above: 0 });
  return step => {
    const exponent = step / decaySteps;
    return rate * pow(decayRate, staircase ? Math.floor(exponent) : exponent);
  };
}

export interface CosineDecayOptions {
  /** Steps from the highest rate to the lowest. */
  decaySteps: number;
  /** The lowest rate, as a share of the highest. Default 0. */
  alpha?: number;
  /** Steps from `rate` up, along a straight line, to `warmupTarget`, before the decay begins. Default 0. */
  warmupSteps?: number;
  /** The highest rate. Default: `rate`. */
  warmupTarget?: number;
}

/** Half a cosine from the rate (or from the end of the warm-up) down. Keras: CosineDecay. */
export function cosineDecay(rate: number, options: CosineDecayOptions): Schedule {
  expectOptions("cosineDecay", options, ["decaySteps", "alpha", "warmupSteps", "warmupTarget"]);
  const { decaySteps, alpha = 0, warmupSteps = 0, warmupTarget = rate } = options;
  number("rate", rate, { min: 0 });
  number("decaySteps", decaySteps, { above: 0 });
  number("alpha", alpha, { min: 0, max: 1 });
  integer("warmupSteps", warmupSteps, 0);
  number("warmupTarget", warmupTarget, { min: 0 });
  return step => {
    if (step < warmupSteps) return rate + ((warmupTarget - rate) * step) / warmupSteps;
    const done = Math.min(step - warmupSteps, decaySteps) / decaySteps;
    const cosine = 0.5 * (1 + cos(Math.PI * done));
    return warmupTarget * ((1 - alpha) * cosine + alpha);
  };
}
