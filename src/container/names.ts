/**
 * Names of layers and leaves. Those a reader would give by itself are not stored: `conv2d`, `conv2d_1`, `dense` ... for the layers in order,
 * `<layer>/<parameter>` for their states, `input`, `input_1` ... for the inputs. Stored ones share their beginning with the name before.
 */
import { type ByteReader, ByteWriter } from "../base/bytes.ts";
import type { Node, Value } from "../graph/graph.ts";
import type { Parameter } from "./stored.ts";

/** Nodes and leaves in the order a reader meets them; a state comes with the node that first reads it. */
export type Order = ({ leaf: Value; node?: Node; parameter?: Parameter } | { node: Node; leaf?: undefined })[];

/** Gives names in the order of the file, each of them once. */
export class Names {
  readonly #taken = new Set<string>();
  /** The next number to try behind a name. */
  readonly #next = new Map<string, number>();

  layer(opName: string): string {
    return this.#unique(opName);
  }

  state(layer: string, parameter: string): string {
    return this.#unique(`${layer}/${parameter}`);
  }

  input(): string {
    return this.#unique("input");
  }

  #unique(name: string): string {
    let n = this.#next.get(name) ?? 0;
    let unique = n === 0 ? name : `${name}_${n}`;
    while (this.#taken.has(unique)) unique = `${name}_${++n}`;
    this.#next.set(name, n + 1);
    this.#taken.add(unique);
    return unique;
  }
}

/** What a state is called that is none of its op's usual parameters. */
export const OTHER_STATE = "state";

/** All names are those that a reader gives. */
export function usualNames(order: Order): boolean {
  const names = new Names();
  return order.every(({ leaf, node, ...rest }) => {
    if (!leaf) return node!.name === names.layer(node!.op.name);
    if (!node) return leaf.name === names.input();
    const parameter = "parameter" in rest ? rest.parameter : undefined;
    return leaf.name === names.state(node.name, parameter?.name ?? OTHER_STATE);
  });
}

export class NameWriter {
  readonly #to = new ByteWriter();
  #last = "";

  /** How many UTF-16 units it shares with the name before, then the rest. */
  name(name: string): void {
    let shared = 0;
    while (shared < name.length && name[shared] === this.#last[shared]) shared++;
    this.#to.varint(shared);
    this.#to.text(name.slice(shared));
    this.#last = name;
  }

  bytes(): Uint8Array {
    return this.#to.bytes();
  }
}

export class NameReader {
  readonly #from: ByteReader;
  #last = "";

  constructor(from: ByteReader) {
    this.#from = from;
  }

  name(): string {
    const offset = this.#from.offset;
    const shared = this.#from.varint();
    if (shared > this.#last.length)
      throw this.#from.error("damaged", `a name shares ${shared} characters with "${this.#last}"`, offset);
    this.#last = this.#last.slice(0, shared) + this.#from.text();
    return this.#last;
  }
}
