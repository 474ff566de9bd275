/** `penjing quantize`: converts a float file to int8. */
import type { Command } from "commander";
import { quantizeDynamic, quantizeStatic } from "../compress/index.ts";
import type { Dataset } from "../data/index.ts";
import type { Model } from "../model/index.ts";
import { asReadBy, type DataOptions, dataOptions, digits, digitsIfAny } from "./digits.ts";
import { WrongUsage } from "./errors.ts";
import { floatModel } from "./float-model.ts";
import { comparison, Judge, scoresOf } from "./judge.ts";
import { whole } from "./options.ts";
import { type OutOptions, outOptions, outputOf, save } from "./outputs.ts";
import type { Terminal } from "./terminal.ts";

interface Options extends DataOptions, OutOptions {
  json?: boolean;
  static?: boolean;
  dynamic?: boolean;
  calibration?: number;
}

const CALIBRATION = 512;

export function define(command: Command, terminal: Terminal): void {
  outOptions(dataOptions(command.argument("<file>", "a .penjing file of a float network")), "int8")
    .option("--static", "weights and activations, whose ranges are observed on training images (default)")
    .option("--dynamic", "weights; activations by the range each image has: needs no data")
    .option("--calibration <n>", `training images to observe (default: ${CALIBRATION})`, whole(1))
    .action((file: string, options: Options) => run(file, options, terminal));
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { dynamic = false, calibration = CALIBRATION } = options;
  if (dynamic && options.static) throw new WrongUsage("expected --static or --dynamic, got both");
  if (dynamic && options.calibration !== undefined)
    throw new WrongUsage("option '--calibration <n>' is for --static: --dynamic needs no data");
  const out = outputOf(file, options, "int8");
  const model = await floatModel(file, "quantize", signal);
  const data = dynamic ? await digitsIfAny(options, model, signal) : await digits(options, signal);
  const judge = data && new Judge(data.test);
  const before = await judge?.judge(file, signal);
  const { small, ...method } = dynamic
    ? { small: await quantizeDynamic(model), method: "dynamic" }
    : await calibrated(model, asReadBy(model, data!.train.take(calibration), file), terminal);
  const written = await save(small, out, terminal, { signal });
  if (!judge || !before) {
    const { length } = written;
    terminal.report(options.json, { file, out, ...method, bytes: length }, () => [`${length} bytes in ${out}`]);
    return;
  }
  const after = await judge.judge(out, signal, written);
  const document = { file, out, ...method, bytes: after.bytes, before: scoresOf(before), after: scoresOf(after) };
  terminal.report(options.json, document, () =>
    comparison(
      [
        [file, before],
        [out, after],
      ],
      terminal,
    ),
  );
}

async function calibrated(
  model: Model,
  calibration: Dataset,
  terminal: Terminal,
): Promise<{ small: Model; method: "static"; calibration: number }> {
  const onProgress = (done: number, total: number) => terminal.progress("calibrate", done / total);
  const small = await quantizeStatic(model, { calibration, signal: terminal.signal, onProgress });
  terminal.endProgress();
  return { small, method: "static", calibration: calibration.length };
}
