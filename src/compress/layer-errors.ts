/** Measures the error of one network against another, layer by layer. */
import { log } from "../base/math.ts";
import { type Shape, sameShape } from "../base/shape.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { traitsOf } from "../ops/traits.ts";
import { Net, type Reals } from "../run/net.ts";
import { turn } from "../train/pace.ts";
import { runningForm } from "./running-form.ts";

/** The difference between the numbers b of one network and the numbers a of another. */
export interface Errors {
  /** Mean and greatest |a - b|. */
  readonly meanError: number;
  readonly maxError: number;
  /** Signal to quantization noise in decibels, 10 log10(sum a^2 / sum (a - b)^2): Infinity where they are equal. */
  readonly sqnr: number;
}

/** The error of the outputs of a layer, over all samples, as real numbers. */
export interface LayerError extends Errors {
  readonly layer: string;
  /** The shape for one sample. */
  readonly shape: Shape;
}

/** Sums over numbers that two networks should have in common. */
export class Difference {
  #count = 0;
  #signal = 0;
  #absolute = 0;
  #squared = 0;
  #greatest = 0;

  add(a: ArrayLike<number>, b: ArrayLike<number>): void {
    for (let i = 0; i < a.length; i++) {
      const error = Math.abs(a[i]! - b[i]!);
      this.#signal += a[i]! * a[i]!;
      this.#absolute += error;
      this.#squared += error * error;
      if (error > this.#greatest) this.#greatest = error;
    }
    this.#count += a.length;
  }

  get errors(): Errors {
    const sqnr = this.#squared === 0 ? Infinity : (10 * log(this.#signal / this.#squared)) / log(10);
    return { meanError: this.#absolute / this.#count, maxError: this.#greatest, sqnr };
  }
}

/** The value that leaves each layer, in order. */
function layerOutputs(graph: Graph): Map<string, Value> {
  const last = new Map<string, Value>();
  for (const node of graph.nodes) {
    const value = node.outputs[0]!;
    // where integers begin and end is no layer of its own
    if (traitsOf(node).int8 === "border" && !last.has(node.name)) continue;
    if (value.type.batched && ["f32", "i8"].includes(value.type.dtype)) last.set(node.name, value);
  }
  return last;
}

/** A graph, and the data as it reads them. */
export interface Side {
  readonly graph: Graph;
  readonly data: Dataset;
}

/** Samples in one call. The outputs of all layers for them are held at once. */
const TOGETHER = 8;

/**
 * Measures the errors of the layers of `b` against those of `a` that have the same name and shape, after normalization
 * is folded into the layers in front of it. `unmatched`: the other layers of `b`.
 */
export async function layerErrors(
  a: Side,
  b: Side,
  {
    signal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((samples: number) => void) | undefined } = {},
): Promise<{ layers: LayerError[]; unmatched: string[] }> {
  const graphs = [a, b].map(side => runningForm(side.graph)) as [Graph, Graph];
  const [before, after] = graphs.map(layerOutputs) as [Map<string, Value>, Map<string, Value>];
  const common = [...after].filter(([name, { type }]) => {
    const other = before.get(name);
    return other && sameShape(other.type.shape, type.shape);
  });
  const names = common.map(([name]) => name);
  const unmatched = [...after.keys()].filter(name => !names.includes(name));
  if (!names.length) return { layers: [], unmatched };
  const [first, second] = await Promise.all([netOf(graphs[0], names, before), netOf(graphs[1], names, after)]);
  const differences = names.map(() => new Difference());
  const rows = b.data.batch(TOGETHER)[Symbol.iterator]();
  let done = 0;
  let rested = performance.now();
  for (const { x, length } of a.data.batch(TOGETHER)) {
    const [ours, theirs] = [lists(first, x), lists(second, rows.next().value!.x)];
    differences.forEach((difference, i) => difference.add(ours[i]!, theirs[i]!));
    done += length;
    if (performance.now() - rested < SLICE) continue;
    onProgress?.(done);
    await turn();
    signal?.throwIfAborted();
    rested = performance.now();
  }
  const layers = common.map(([layer, { type }], i) => ({ layer, shape: type.shape, ...differences[i]!.errors }));
  return { layers, unmatched };
}

/** Milliseconds without giving way to the page. */
const SLICE = 50;

/** A network whose outputs are those of the named layers. */
function netOf(graph: Graph, names: readonly string[], outputs: ReadonlyMap<string, Value>): Promise<Net> {
  graph.results = names.map(name => outputs.get(name)!);
  graph.prune();
  return Net.create(graph, { capacity: TOGETHER });
}

function lists(net: Net, x: Parameters<Net["predict"]>[0]): readonly Float32Array[] {
  const results = net.predict<Reals>(x);
  return Array.isArray(results) ? results : [results];
}
