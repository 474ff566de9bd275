/** Values of options, checked where they are read: commander names the option in front of the message. */
import { InvalidArgumentError } from "commander";
import { integer, number } from "../base/errors.ts";

/** The part of an error's message that says what was expected. */
function asArgument<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message.replace(/^"[^"]*" /, ""));
  }
}

/** The number a text stands for, or the text itself, so that a message can show it. */
const numeric = (text: string): number | string =>
  text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);

/** A whole number in min .. max. */
export const whole =
  (min: number, max = Infinity) =>
  (text: string): number =>
    asArgument(() => integer("value", numeric(text), min, max));

/** A number within bounds. */
export const real =
  (bounds: Parameters<typeof number>[2]) =>
  (text: string): number =>
    asArgument(() => number("value", numeric(text), bounds));

/** Numbers within bounds, with commas between them. */
export const reals =
  (bounds: Parameters<typeof number>[2]) =>
  (text: string): number[] =>
    text.split(",").map(real(bounds));
