/** Numbers of steps in schedules: integers, or fractions of a training whose length is known when it begins. */
import { integer, wrongValue } from "../base/errors.ts";

/** A number of steps, or a fraction of all steps of the training, like "75%" (rounded to an integer). */
export type Steps = number | `${number}%`;

/**
 * Returns a function from the length of a training to the number of steps. Throws a TypeError or RangeError immediately
 * if `value` is invalid.
 */
export function stepsOf(what: string, value: Steps, least: number): (steps: number) => number {
  if (typeof value !== "string") {
    integer(what, value, least);
    return () => value;
  }
  const percent = /^\d+(\.\d+)?%$/.test(value) ? Number(value.slice(0, -1)) : NaN;
  if (!(percent <= 100))
    throw wrongValue(what, 'a number of steps, or a share of the training from "0%" to "100%"', value);
  return steps => Math.round((percent / 100) * steps);
}
