/** `penjing convert`: converts a network of another format to a .penjing file. */
import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { showShape } from "../base/shape.ts";
import type { Preprocessing } from "../container/index.ts";
import { loadTflite } from "../formats/tflite/index.ts";
import { layersOf } from "../model/summary.ts";
import { inputsOf, type Port, portsOf } from "../run/inputs.ts";
import { WrongUsage } from "./errors.ts";
import { real, reals } from "./options.ts";
import { refuseSame, save } from "./outputs.ts";
import type { Terminal } from "./terminal.ts";

interface Options extends Pick<Preprocessing, "scale" | "offset" | "layout"> {
  json?: boolean;
  labels?: string[];
  mean?: number[];
  std?: number[];
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument("<file>", "a .tflite file")
    .argument("<out>", "the .penjing file to write")
    .option(
      "--labels <names>",
      "names of the classes: a text file with one a line, or a list such as cat,dog",
      labelsOf,
    )
    .option("--scale <x>", "bytes become real numbers by scale * byte + offset (default: 1/255)", real({}))
    .option("--offset <x>", "see --scale (default: 0)", real({}))
    .option(
      "--mean <list>",
      "or by (scale * byte - mean) / std: a number, or one for each channel such as 0.5,0.5,0.5",
      reals({}),
    )
    .option("--std <list>", "see --mean (default: 1)", reals({ above: 0 }))
    .addOption(new Option("--layout <order>", "order of the axes in arrays of pictures").choices(["NHWC", "NCHW"]))
    .action((file: string, out: string, options: Options) => run(file, out, options, terminal));
}

async function run(file: string, out: string, options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  if (!/\.tflite$/i.test(file))
    throw new WrongUsage(`argument 'file' expected a .tflite file, got ${JSON.stringify(file)}`);
  refuseSame(file, out);
  const { labels, scale, offset, mean, std, layout } = options;
  const preprocessing = defined({ scale, offset, mean, std, layout });
  const extras = defined({ labels, preprocessing: Object.keys(preprocessing).length ? preprocessing : undefined });
  const model = await loadTflite(file, { signal });
  const bytes = (await save(model, out, terminal, { ...extras, signal })).length;
  const layers = layersOf(model.graph).length;
  const [inputs, outputs] = [portsOf(inputsOf(model.graph)), portsOf(model.graph.results)];
  const shapes = (ports: readonly Port[]) => ports.map(({ shape }) => showShape(shape)).join(", ");
  terminal.report(options.json, { file, out, layers, inputs, outputs, ...extras, bytes }, () => [
    `${layers} layers, ${shapes(inputs)} -> ${shapes(outputs)}: ${bytes} bytes in ${out}`,
  ]);
}

/** Drops the keys without a value. */
function defined<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function labelsOf(text: string): string[] {
  if (text.includes(",")) return text.split(",");
  try {
    return readFileSync(text, "utf8").trimEnd().split(/\r?\n/);
  } catch (error) {
    throw new InvalidArgumentError(`expected a list such as cat,dog or a text file: ${(error as Error).message}`);
  }
}
