/** The time of one sample. */
import { Random } from "../base/random.ts";
import { size } from "../base/shape.ts";
import type { Variant } from "../kernels/load.ts";
import type { Net, Reals } from "../run/net.ts";
import { clockStep } from "../run/profile.ts";
import { turn } from "../train/pace.ts";

export interface Timed {
  /** Microseconds of one sample: the median of `timing.runs` calls of `net.predict`, each for one sample. */
  readonly micros: number;
  readonly timing: { readonly runs: number; readonly variant: Variant };
}

/** Minimum number of calls that are timed, however long they take. */
const LEAST_RUNS = 5;

/** Milliseconds between two turns of the event loop. */
const SLICE = 50;

/**
 * Times calls of `predict` on one sample of random numbers for `milliseconds`, after a quarter of that to warm up. If
 * the clock is too coarse for one call, as in pages, a run consists of several calls.
 */
export async function timeOf(net: Net, milliseconds: number, signal?: AbortSignal): Promise<Timed> {
  const random = new Random(1);
  const noise = net.inputs.map(({ shape }) => Float32Array.from({ length: size(shape) }, () => random.uniform(0, 1)));
  const room = net.outputs.map(({ shape }) => new Float32Array(size(shape)));
  const [x, into] = [noise.length === 1 ? noise[0]! : noise, room.length === 1 ? room[0]! : room];
  const enough = 10 * clockStep();
  let calls = 1;
  const run = (): number => {
    for (;;) {
      const began = performance.now();
      for (let i = 0; i < calls; i++) net.predict<Reals>(x, { into });
      const took = performance.now() - began;
      if (took >= enough) return took / calls;
      calls = Math.ceil(calls * Math.min(10, (1.2 * enough) / took));
    }
  };
  const times: number[] = [];
  const began = performance.now();
  let rested = began;
  while (times.length < LEAST_RUNS || performance.now() < began + 1.25 * milliseconds) {
    const time = run();
    if (performance.now() >= began + milliseconds / 4) times.push(time);
    if (performance.now() - rested < SLICE) continue;
    await turn();
    signal?.throwIfAborted();
    rested = performance.now();
  }
  times.sort((a, b) => a - b);
  const variant = net.machine.plan.variant;
  return { micros: 1000 * times[times.length >> 1]!, timing: { runs: times.length, variant } };
}
