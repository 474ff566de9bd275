/** `penjing quantize`: a float file in int8. */
import type { Command } from "commander";
import { quantizeDynamic, quantizeStatic } from "../compress/index.ts";
import { loadModel } from "../model/index.ts";
import { beside } from "./beside.ts";
import { type DataOptions, dataOptions, digits, digitsIfAny } from "./digits.ts";
import { WrongUsage } from "./errors.ts";
import { comparison, Judge, scoresOf } from "./judge.ts";
import { whole } from "./options.ts";
import type { Terminal } from "./terminal.ts";

interface Options extends DataOptions {
  json?: boolean;
  static?: boolean;
  dynamic?: boolean;
  calibration?: number;
  out?: string;
}

const CALIBRATION = 512;

export function define(command: Command, terminal: Terminal): void {
  dataOptions(command.argument("<file>", "a .penjing file of a float network"))
    .option("--static", "weights and activations, whose ranges are observed on training images (default)")
    .option("--dynamic", "weights; activations by the range each image has: needs no data")
    .option("--calibration <n>", `training images to observe (default: ${CALIBRATION})`, whole(1))
    .option("--out <file>", "the file to write (default: <file>.int8.penjing)")
    .action((file: string, options: Options) => run(file, options, terminal));
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { out = beside(file, "int8"), dynamic = false, calibration = CALIBRATION } = options;
  if (dynamic && options.static) throw new WrongUsage("expected --static or --dynamic, got both");
  if (dynamic && options.calibration !== undefined)
    throw new WrongUsage("option '--calibration <n>' is for --static: --dynamic needs no data");
  const model = await loadModel(file, { signal });
  const data = dynamic ? await digitsIfAny(options, signal) : await digits(options, signal);
  const observed = data?.train.take(calibration);
  const small = dynamic
    ? await quantizeDynamic(model)
    : await quantizeStatic(model, {
        calibration: observed!,
        signal,
        onProgress: (done, total) => terminal.progress("calibrate", done / total),
      });
  terminal.endProgress();
  await small.save(out, { signal });
  const method = dynamic ? { method: "dynamic" } : { method: "static", calibration: observed!.length };
  if (!data) {
    const bytes = small.toBytes().length;
    terminal.report(options.json, { file, out, ...method, bytes }, () => `${bytes} bytes in ${out}`);
    return;
  }
  const judge = new Judge(data.test);
  const before = await judge.judge(file, signal);
  const after = await judge.judge(out, signal);
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
