/** `penjing predict`: prints a network's predictions for pictures. */
import { type Command, InvalidArgumentError } from "commander";
import { loadModel } from "../model/index.ts";
import { givenBy } from "../ops/traits.ts";
import { probabilities as probabilitiesOf } from "../run/classes.ts";
import { pictures, type Range } from "./images.ts";
import { percent } from "./numbers.ts";
import type { Terminal } from "./terminal.ts";

interface Options {
  json?: boolean;
  range?: Range;
}

interface Prediction {
  image: string;
  class: number;
  label: string;
  probability: number;
  /** Probabilities of all classes, in order. */
  probabilities: number[];
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument("<file>", "a .penjing file")
    .argument("<images...>", "IDX files, PGM pictures, or bare bytes of one image each")
    .option("--range <first..last>", "which images of an IDX file, counted from 0 (default: the first)", rangeOf)
    .action((file: string, images: string[], options: Options) => run(file, images, options, terminal));
}

function rangeOf(text: string): Range {
  const [, first, last] = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last ?? first) };
  if (first === undefined || range.last < range.first)
    throw new InvalidArgumentError(`expected a number or a range such as 0..9, got ${JSON.stringify(text)}`);
  return range;
}

async function run(
  file: string,
  images: readonly string[],
  { json, range }: Options,
  terminal: Terminal,
): Promise<void> {
  const { signal } = terminal;
  const model = await loadModel(file, { signal });
  const { graph, labels } = model;
  const net = await model.net();
  const predictions: Prediction[] = [];
  for (const path of images)
    for (const { name, pixels } of await pictures(path, net.inputs[0]!.shape, range, signal)) {
      const outputs = net.predict(pixels);
      const probabilities = probabilitiesOf(outputs, givenBy(graph.results[0]!));
      const probability = Math.max(...probabilities);
      const best = probabilities.indexOf(probability);
      predictions.push({ image: name, class: best, label: labels?.[best] ?? String(best), probability, probabilities });
    }
  terminal.report(json, { file, predictions }, () => {
    const runnerUp = ({ probabilities, class: best }: Prediction): string => {
      const others = probabilities.map((p, i) => (i === best ? -1 : p));
      const second = others.indexOf(Math.max(...others));
      return others.length > 1 ? `${labels?.[second] ?? second} ${percent(others[second]!)}` : "";
    };
    const rows = predictions.map(p => [p.image, p.label, percent(p.probability), runnerUp(p)]);
    return [terminal.table(["image", "class", "probability", "next"], rows)];
  });
}
