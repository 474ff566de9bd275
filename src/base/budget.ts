/** Limits on the memory and work that an untrusted file may cause; both are counted before they are spent. */
import { number, PenjingError } from "./errors.ts";

export interface BudgetOptions {
  /**
   * Memory that the file may claim, in bytes: its tensors, its graph, and the arena the network runs in. Default: 512
   * MB (2^29).
   */
  maxBytes?: number | undefined;
  /**
   * Multiply-accumulates that one image may take. A tap of a pooling window counts as one, and so does each output
   * element of any other layer. Default: no limit.
   */
  maxMacs?: number | undefined;
}

export const BUDGET_OPTIONS = ["maxBytes", "maxMacs"] as const;

/** Adds up claims and compares them with the limits. Errors: PenjingError with code `budget`. */
export class Budget {
  readonly #maxBytes: number;
  readonly #maxMacs: number;
  #bytes = 0;
  #macs = 0;

  /** Throws a TypeError or RangeError for limits that are not positive numbers. Infinity means no limit. */
  constructor({ maxBytes = 2 ** 29, maxMacs = Number.POSITIVE_INFINITY }: BudgetOptions = {}) {
    this.#maxBytes = limit("maxBytes", maxBytes);
    this.#maxMacs = limit("maxMacs", maxMacs);
  }

  /** Counts memory that `what` is about to take. */
  claim(bytes: number, what: string): void {
    this.#bytes += bytes;
    // not `>`: NaN is refused too
    if (this.#bytes <= this.#maxBytes) return;
    const excess = `${what} would bring the memory that the network needs to ${this.#bytes} bytes`;
    throw new PenjingError("budget", `${excess}; "maxBytes" allows ${this.#maxBytes}`);
  }

  /**
   * Refuses `bytes` if they would exceed what is left, without claiming them: for a lower bound, before the total is
   * known.
   */
  demand(bytes: number, what: string): void {
    this.claim(bytes, what);
    this.#bytes -= bytes;
  }

  /** Counts the work of one image. */
  work(macs: number, what: string): void {
    this.#macs += macs;
    if (this.#macs <= this.#maxMacs) return;
    const excess = `${what} would bring the work of one image to ${this.#macs} multiply-accumulates`;
    throw new PenjingError("budget", `${excess}; "maxMacs" allows ${this.#maxMacs}`);
  }
}

const limit = (what: string, value: number): number =>
  value === Number.POSITIVE_INFINITY ? value : number(what, value, { above: 0 });
