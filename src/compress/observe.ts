/**
 * Runs a float network over a data set in batches and shows what values have in it, activations among them. Memory
 * does not grow with the data.
 */
import { integer, PenjingError, wrongType } from "../base/errors.ts";
import { compatibleShapes, showSamples, showShape } from "../base/shape.ts";
import { checkFinite, Dataset } from "../data/dataset.ts";
import { streamInputs } from "../graph/edit.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { RUN } from "../kernels/load-run.ts";
import { CALIBRATION_LOWER, PREFERS } from "../ops/index.ts";
import { FORWARD, fuse } from "../passes/fuse.ts";
import { resultOf } from "../run/contents.ts";
import { Machine } from "../run/machine.ts";
import { turn } from "../train/pace.ts";

export interface ObserveOptions {
  /** Images side by side. Default 64. */
  batchSize?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called after each batch: images seen, images in all. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Gets a value's numbers for some images. Those of image i begin at element i * row; the first `images` count. */
export type Look = (value: number, numbers: Float32Array, row: number, images: number) => void;

/** Time without giving way to the page, in milliseconds. */
const SLICE = 50;

const IMAGES = "images";

/**
 * Shows to `look` what each of `values` (of `graph`, which has one input) is over `data`, batch after batch. With
 * `through`, an op stands behind each value and its output is shown instead. `what` names the data in errors. A
 * RangeError names the first number of the data that is not finite.
 */
export async function observe(
  graph: Graph,
  what: string,
  data: Dataset,
  values: readonly Value[],
  look: Look,
  options: ObserveOptions = {},
  through: (graph: Graph, value: Value) => Value = (_, value) => value,
): Promise<void> {
  const { signal, onProgress } = options;
  const inputs = graph.leaves.filter(v => v.leaf === "input");
  const [input] = inputs;
  if (!input || inputs.length > 1)
    throw new PenjingError("calibration", `a network with one input is calibrated, this one has ${inputs.length}`);
  if (!(data instanceof Dataset)) throw wrongType(what, "a Dataset", data);
  if (!compatibleShapes(data.shape, input.type.shape))
    throw new RangeError(`"${what}" expected ${showSamples(input.type.shape)}, got ${showShape(data.shape)}`);
  if (data.length === 0) throw new RangeError(`"${what}" expected at least 1 row, got 0`);
  const batch = Math.min(integer("batchSize", options.batchSize ?? 64, 1), data.length);
  signal?.throwIfAborted();
  if (!values.length) return;

  const watching = { name: "observe", graph: watched(graph, input, values, through), batch };
  const machine = await Machine.create(RUN, [watching], { lower: CALIBRATION_LOWER, prefers: PREFERS });
  const program = machine.program(watching.name);
  const images = machine.stored(IMAGES) as Float32Array;
  const row = machine.leaf(IMAGES).image / 4;

  let rested = performance.now();
  for (let done = 0; done < data.length; done += batch) {
    const count = Math.min(batch, data.length - done);
    for (let i = 0; i < batch; i++) {
      // places left over in the last batch hold its first image again
      const { x } = data.row(i < count ? done + i : done, images, i * row);
      checkFinite(`${what}[${done + i}]`, x, []);
    }
    machine.run(program);
    values.forEach((_, k) => {
      const result = resultOf(machine, program.results[k]!, "f32");
      look(k, result.data as Float32Array, result.row, count);
    });
    onProgress?.(done + count, data.length);
    if (performance.now() - rested < SLICE) continue;
    await turn();
    signal?.throwIfAborted();
    rested = performance.now();
  }
}

/** A copy of the model whose results are what stands behind `values`, fused where nobody watches. */
function watched(
  model: Graph,
  input: Value,
  values: readonly Value[],
  through: (graph: Graph, value: Value) => Value,
): Graph {
  const { graph, of } = model.copy();
  streamInputs(graph, copied => graph.leaf("stream", IMAGES, copied.type));
  graph.results = values.map(v => through(graph, v === input ? graph.leafOf(IMAGES)! : of.get(v)!));
  fuse(graph, FORWARD);
  return graph;
}
