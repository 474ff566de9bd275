/**
 * Names of layers and leaves. Default names are not stored: `conv2d`, `conv2d_1`, `dense` ... for the layers in order,
 * `<layer>/<parameter>` for their states, `input`, `input_1` ... for the inputs.
 */

import type { Node, Value } from "../graph/graph.ts";

/** Gives unique names, in file order. */
export class Names {
  readonly #taken = new Set<string>();
  /** The next number to try after a name. */
  readonly #next = new Map<string, number>();

  /** Returns `name`, or `name` with the first free number appended. */
  unique(name: string): string {
    let n = this.#next.get(name) ?? 0;
    let unique = n === 0 ? name : `${name}_${n}`;
    while (this.#taken.has(unique)) unique = `${name}_${++n}`;
    this.#next.set(name, n + 1);
    this.#taken.add(unique);
    return unique;
  }
}

/** Default name of a graph's input. */
export const INPUT_NAME = "input";

/** Name of a result in the file if it differs from that of the layer that makes it. */
export const RESULT_NAME = "output";

/** The node an unnamed result is named after; a trailing dequantize is skipped, since it is not a layer. */
export function makerOf({ node }: Value): Node | undefined {
  let maker = node;
  while (maker?.op.name === "dequantize" && maker.inputs[0]!.node) maker = maker.inputs[0]!.node;
  return maker;
}

/** The name of a result. */
export const resultName = (result: Value): string => result.name || makerOf(result)!.name;

/** The default name of a state of `layer`: `parameter` is its name in the op, or "state" for any other state. */
export const stateName = (layer: string, parameter = "state"): string => `${layer}/${parameter}`;
