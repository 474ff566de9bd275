/** `penjing convert`: a network of another format as a .penjing file. */
import type { Command } from "commander";
import { loadTflite } from "../formats/tflite/index.ts";
import { layersOf } from "../model/summary.ts";
import { WrongUsage } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

interface Options {
  json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument("<file>", "a .tflite file")
    .argument("<out>", "the .penjing file to write")
    .action((file: string, out: string, options: Options) => run(file, out, options, terminal));
}

async function run(file: string, out: string, options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  if (!/\.tflite$/i.test(file))
    throw new WrongUsage(`argument 'file' expected a .tflite file, got ${JSON.stringify(file)}`);
  const model = await loadTflite(file, { signal });
  await model.save(out, { signal });
  const bytes = model.toBytes().length;
  const { inputShape, outputShape } = model;
  const layers = layersOf(model.graph).length;
  terminal.report(
    options.json,
    { file, out, layers, inputShape, outputShape, bytes },
    () => `${layers} layers, ${inputShape.join("x")} -> ${outputShape.join("x")}: ${bytes} bytes in ${out}`,
  );
}
