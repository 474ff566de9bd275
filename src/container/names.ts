/**
 * Names of layers and leaves. Those a reader would give by itself are not stored: `conv2d`, `conv2d_1`, `dense` ... for the layers in order,
 * `<layer>/<parameter>` for their states, `input`, `input_1` ... for the inputs.
 */

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

/** What a state of `layer` is called: `parameter` is its op's, or "state" where it is none of the usual ones. */
export const stateName = (layer: string, parameter = "state"): string => `${layer}/${parameter}`;
