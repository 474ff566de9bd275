/** Executors run the programs of a memory, for training. */
import type { Program } from "../plan/plan.ts";

/** Undefined if the run is over on return, else a promise of its end. */
export type Done = void | Promise<void>;

/**
 * Runs programs of one memory. A `Machine` does so in the calling thread; others may have threads that share its
 * memory, and return a promise. Such an executor calls `machine.begin` before and `machine.end` after each run.
 */
export interface Executor<D extends Done = Done> {
  /** Runs steps `first` .. `first + count - 1` of a program (rows of its streams). */
  run(program: Program, first: number, count: number): D;
}

/** A T, or a promise of one if the executor returns promises. */
export type After<D extends Done, T> = D extends Promise<void> ? Promise<T> : T;

/** Calls `then` once the run is over. */
export function after<D extends Done, T>(done: D, then: () => T): After<D, T> {
  return (done instanceof Promise ? done.then(then) : then()) as After<D, T>;
}
