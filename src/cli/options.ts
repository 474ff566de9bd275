/** Parsers of option values. commander adds the name of the option to their messages. */
import { InvalidArgumentError } from "commander";
import { integer, number } from "../base/errors.ts";

/** Extracts the expectation from an error's message. */
function asArgument<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message.replace(/^"[^"]*" /, ""));
  }
}

/** The number in a text, or the text itself, for the message about it. */
const numeric = (text: string): number | string =>
  text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);

/** An integer in min .. max. */
export const whole =
  (min: number, max = Infinity) =>
  (text: string): number =>
    asArgument(() => integer("value", numeric(text), min, max));

/** A number within bounds. */
export const real =
  (bounds: Parameters<typeof number>[2]) =>
  (text: string): number =>
    asArgument(() => number("value", numeric(text), bounds));

/** Numbers within bounds, separated by commas. */
export const reals =
  (bounds: Parameters<typeof number>[2]) =>
  (text: string): number[] =>
    text.split(",").map(real(bounds));
