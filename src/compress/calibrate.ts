/**
 * What ranges activations have over a data set: the float network runs over it in batches, with an op that watches each value, and the host
 * keeps the smallest and the largest number seen. Memory does not grow with the data.
 */
import { integer, PenjingError, wrongType } from "../base/errors.ts";
import { compatibleShapes, showSamples, showShape } from "../base/shape.ts";
import { checkFinite, Dataset } from "../data/dataset.ts";
import { streamInputs } from "../graph/edit.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { RUN } from "../kernels/load-run.ts";
import { CALIBRATION_LOWER, PREFERS } from "../ops/index.ts";
import { range } from "../ops/quantized/range.ts";
import { FORWARD, fuse } from "../passes/fuse.ts";
import type { Range } from "../passes/quantize/scheme.ts";
import { resultOf } from "../run/contents.ts";
import { Machine } from "../run/machine.ts";
import { turn } from "../train/pace.ts";

export interface CalibrateOptions {
  /** Images side by side. Default 64. */
  batchSize?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called after each batch: images seen, images in all. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Time without giving way to the page, in milliseconds. */
const SLICE = 50;

/**
 * The range of each of `values` (of `graph`, one input) over `data`. NaN made inside the network is left out; a RangeError names the first
 * number of the data that is not finite.
 */
export async function calibrate(
  graph: Graph,
  data: Dataset,
  values: readonly Value[],
  options: CalibrateOptions = {},
): Promise<Map<Value, Range>> {
  const { signal, onProgress } = options;
  const inputs = graph.leaves.filter(v => v.leaf === "input");
  const [input] = inputs;
  if (!input || inputs.length > 1)
    throw new PenjingError("calibration", `a network with one input is calibrated, this one has ${inputs.length}`);
  if (!(data instanceof Dataset)) throw wrongType("calibration", "a Dataset", data);
  if (!compatibleShapes(data.shape, input.type.shape))
    throw new RangeError(`"calibration" expected ${showSamples(input.type.shape)}, got ${showShape(data.shape)}`);
  if (data.length === 0) throw new RangeError('"calibration" expected at least 1 row, got 0');
  const batch = Math.min(integer("batchSize", options.batchSize ?? 64, 1), data.length);
  signal?.throwIfAborted();
  if (!values.length) return new Map();

  const watching = { name: "calibrate", graph: watched(graph, input, values), batch };
  const machine = await Machine.create(RUN, [watching], { lower: CALIBRATION_LOWER, prefers: PREFERS });
  const program = machine.program(watching.name);
  const images = machine.stored(IMAGES) as Float32Array;
  const row = machine.leaf(IMAGES).image / 4;
  const ranges = values.map((): Range => ({ min: Infinity, max: -Infinity }));

  let rested = performance.now();
  for (let done = 0; done < data.length; done += batch) {
    for (let i = 0; i < batch; i++) {
      // places left over in the last batch see its first image again, which changes no range
      const { x } = data.row(done + i < data.length ? done + i : done, images, i * row);
      checkFinite(`calibration[${done + i}]`, x, []);
    }
    machine.run(program);
    ranges.forEach((seen, k) => {
      const { data: ends, row: next } = resultOf(machine, program.results[k]!, "f32");
      for (let i = 0; i < batch; i++) {
        seen.min = Math.min(seen.min, ends[i * next]!);
        seen.max = Math.max(seen.max, ends[i * next + 1]!);
      }
    });
    onProgress?.(Math.min(done + batch, data.length), data.length);
    if (performance.now() - rested < SLICE) continue;
    await turn();
    signal?.throwIfAborted();
    rested = performance.now();
  }
  return new Map(values.map((v, k) => [v, ranges[k]!]));
}

const IMAGES = "images";

/** A copy of the model whose results are the ranges of `values`, fused where nobody watches. */
function watched(model: Graph, input: Value, values: readonly Value[]): Graph {
  const { graph, of } = model.copy();
  streamInputs(graph, copied => graph.leaf("stream", IMAGES, copied.type));
  graph.results = values.map(v => graph.one(range, [v === input ? graph.leafOf(IMAGES)! : of.get(v)!]));
  fuse(graph, FORWARD);
  return graph;
}
