/** Copies results out of the network's memory, or converts them to real numbers. */
import { wrongType, wrongValue } from "../base/errors.ts";
import type { TypedArray } from "../base/shape.ts";
import type { Type } from "../graph/graph.ts";
import type { ArrayKind, Port } from "./inputs.ts";

/** An output of a network. */
export interface Output extends Port {
  /**
   * The result of the last image, in place in the network's memory: read only, and valid until the next call of the
   * network's methods (and during warm-up, until control returns to the event loop). Passed to `run` as `into`, it
   * avoids all copies.
   */
  readonly view: TypedArray;
}

/** Below this length a loop beats `set` on a subarray view. */
const FEW = 64;

/** Writes the results of one output. */
export class OutputWriter {
  /** Numbers for one image. */
  readonly size: number;
  readonly kind: ArrayKind;
  readonly view: TypedArray;
  readonly #scale: number;
  readonly #zero: number;
  readonly #quantized: boolean;
  #converts = false;
  #target: TypedArray;

  constructor({ quantization }: Type, view: TypedArray) {
    this.view = view;
    this.#target = view;
    this.kind = view.constructor as ArrayKind;
    this.size = view.length;
    this.#quantized = quantization !== undefined;
    this.#scale = quantization?.scale[0] ?? 1;
    this.#zero = quantization?.zeroPoint ?? 0;
  }

  /**
   * Sets the destination of the next results: `into` or a new array, for `images` images; as real numbers if `real`.
   */
  bind(into: TypedArray | undefined, images: number, real: boolean, what: string): void {
    this.#converts = real && this.#quantized;
    const kind = this.#converts ? Float32Array : this.kind;
    const length = images * this.size;
    if (into !== undefined) {
      if (!(into instanceof kind)) throw wrongType(what, kind.name, into);
      if (into.length !== length) throw wrongValue(what, `${length} elements`, into.length);
    }
    this.#target = into ?? new kind(length);
  }

  /** Writes the results of one image, which are in `rows` from `at` on. */
  write(rows: TypedArray, at: number, image: number): void {
    const { size, view } = this;
    const target = this.#target;
    const out = image * size;
    if (this.#converts) for (let i = 0; i < size; i++) target[out + i] = this.#scale * (rows[at + i]! - this.#zero);
    else if (target === view) return;
    else if (size > FEW) target.set(rows.subarray(at, at + size), out);
    else for (let i = 0; i < size; i++) target[out + i] = rows[at + i]!;
  }

  /** Returns the destination and releases it. */
  done(): TypedArray {
    const target = this.#target;
    this.#target = this.view;
    return target;
  }
}
