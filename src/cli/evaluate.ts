/** `penjing evaluate`: measures a file on the test images, in total and by class. */
import type { Command } from "commander";
import type { Dataset } from "../data/index.ts";
import { type DataOptions, dataOptions, digits } from "./digits.ts";
import { Judge } from "./judge.ts";
import { percent } from "./numbers.ts";
import type { Terminal } from "./terminal.ts";

interface Options extends DataOptions {
  json?: boolean;
}

interface ClassScore {
  label: string;
  images: number;
  accuracy: number;
}

export function define(command: Command, terminal: Terminal): void {
  dataOptions(command.argument("<file>", "a .penjing file")).action((file: string, options: Options) =>
    run(file, options, terminal),
  );
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { name, test } = await digits(options, terminal.signal);
  const { outputs, ...scores } = await new Judge(test).judge(file, terminal.signal);
  const classes = byClass(outputs, test);
  const document = { file, dataset: { name, test: test.length }, ...scores, classes };
  const { bytes, accuracy, loss, latencyMicros } = scores;
  const latency = `${latencyMicros.toFixed(1)} us an image`;
  terminal.report(options.json, document, () => [
    `${file}, ${bytes} bytes: ${percent(accuracy)} of ${test.length} test images, loss ${loss.toFixed(4)}, ${latency}`,
    "",
    terminal.table(
      ["class", "images", "accuracy"],
      classes.map(c => [c.label, c.images, percent(c.accuracy)]),
    ),
  ]);
}

/** Omits classes without an image. */
function byClass(outputs: Float32Array, data: Dataset): ClassScore[] {
  const labels = data.labels()!;
  const width = outputs.length / data.length;
  const counts = Array.from({ length: data.classes }, () => ({ images: 0, right: 0 }));
  labels.forEach((label, i) => {
    const row = outputs.subarray(i * width, (i + 1) * width);
    const count = counts[label]!;
    count.images++;
    if (row.indexOf(Math.max(...row)) === label) count.right++;
  });
  return counts.flatMap(({ images, right }, label) =>
    images ? [{ label: data.classNames?.[label] ?? String(label), images, accuracy: right / images }] : [],
  );
}
