/**
 * Names of layers and leaves. Those a reader would give by itself are not stored: `conv2d`, `conv2d_1`, `dense` ... for the layers in order,
 * `<layer>/<parameter>` for their states, `input`, `input_1` ... for the inputs.
 */

import type { Node, Value } from "../graph/graph.ts";

/** Gives names in the order of the file, each of them once. */
export class Names {
  readonly #taken = new Set<string>();
  /** The next number to try behind a name. */
  readonly #next = new Map<string, number>();

  /** `name`, or `name` with the first number behind it that nobody has. */
  unique(name: string): string {
    let n = this.#next.get(name) ?? 0;
    let unique = n === 0 ? name : `${name}_${n}`;
    while (this.#taken.has(unique)) unique = `${name}_${++n}`;
    this.#next.set(name, n + 1);
    this.#taken.add(unique);
    return unique;
  }
}

/** What an input of a graph is called. */
export const INPUT_NAME = "input";

/** What a result is called in the file, where it is called otherwise than the layer that makes it. */
export const RESULT_NAME = "output";

/** The node whose name a result has that has none of its own: to be made float again is nobody's layer. */
export function makerOf({ node }: Value): Node | undefined {
  let maker = node;
  while (maker?.op.name === "dequantize" && maker.inputs[0]!.node) maker = maker.inputs[0]!.node;
  return maker;
}

/** What a result is called. */
export const resultName = (result: Value): string => result.name || makerOf(result)!.name;

/** What a state of `layer` is called: `parameter` is its op's, or "state" where it is none of the usual ones. */
export const stateName = (layer: string, parameter = "state"): string => `${layer}/${parameter}`;
