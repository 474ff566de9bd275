/** Converts arrays of numbers, and nested arrays, to one typed array. */
import { wrongType, wrongValue } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";

/** Numbers, or arrays in arrays, the innermost of them of numbers. */
export type NestedNumbers = ArrayLike<number> | readonly NestedNumbers[];

const isArray = (x: unknown): x is ArrayLike<unknown> => Array.isArray(x) || ArrayBuffer.isView(x);

/**
 * Flattens numbers; returns the length of each axis too. Errors name the first element that is not a number or has
 * another length.
 */
export function flat(what: string, given: unknown): { data: Float32Array; shape: Shape } {
  if (!isArray(given)) throw wrongType(what, "an array of numbers", given);
  const shape: number[] = [];
  for (let at: unknown = given; isArray(at); at = at[0]) shape.push(at.length);
  const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
  let next = 0;
  const read = (array: ArrayLike<unknown>, axis: number, place: string): void => {
    if (array.length !== shape[axis]) throw wrongValue(place, `${shape[axis]} elements`, array.length);
    for (let i = 0; i < array.length; i++) {
      const element = array[i];
      if (axis + 1 === shape.length) {
        if (typeof element !== "number") throw wrongType(`${place}[${i}]`, "a number", element);
        data[next++] = element;
      } else if (isArray(element)) read(element, axis + 1, `${place}[${i}]`);
      else throw wrongType(`${place}[${i}]`, `an array of ${shape[axis + 1]}`, element);
    }
  };
  read(given, 0, what);
  return { data, shape };
}
