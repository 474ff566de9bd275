/** `penjing train`: trains a new network and saves it. */
import { type Command, Option } from "commander";
import { lenet5, lenet300100 } from "../models/index.ts";
import { type DataOptions, dataOptions, digits, labelsOf } from "./digits.ts";
import { Judge } from "./judge.ts";
import { percent } from "./numbers.ts";
import { save } from "./outputs.ts";
import type { Terminal } from "./terminal.ts";
import { fitOptions, type TrainingOptions, train, trainingOptions } from "./training.ts";

const NETWORKS = { lenet5, lenet300100 };

interface Options extends DataOptions, TrainingOptions {
  json?: boolean;
  network: keyof typeof NETWORKS;
  out: string;
  validation?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  trainingOptions(dataOptions(command), 5)
    .addOption(new Option("--network <name>", "what to train").choices(Object.keys(NETWORKS)).default("lenet5"))
    .option("--validation", "measure loss and accuracy on the test images after every epoch")
    .option("--out <file>", "the file to write", "network.penjing")
    .action((options: Options) => run(options, terminal));
}

async function run(options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { out } = options;
  const data = await digits(options, signal);
  const model = NETWORKS[options.network]({ seed: options.seed });
  const saved = () => save(model, out, terminal, labelsOf(data));
  const began = performance.now();
  const fit = { ...fitOptions(options), ...(options.validation && { validation: data.test }) };
  const { history } = await train(model, data.train, fit, { terminal, title: "train", path: out, save: saved });
  const seconds = (performance.now() - began) / 1000;
  const { accuracy, loss, bytes } = await new Judge(data.test).judge(out, signal, await saved());
  const document = {
    network: model.name,
    parameters: model.parameters,
    dataset: { name: data.name, train: data.train.length, test: data.test.length },
    seed: options.seed,
    history,
    seconds,
    test: { accuracy, loss },
    file: out,
    bytes,
  };
  terminal.report(options.json, document, () => {
    const names = Object.keys(history);
    const epochs = history[names[0]!]!.map((_, epoch) => [
      epoch + 1,
      ...names.map(name => Number(history[name]![epoch]!.toPrecision(5))),
    ]);
    const scores = `${percent(accuracy)} of ${data.test.length} test images, loss ${loss.toFixed(4)}`;
    return [
      terminal.table(["epoch", ...names], epochs),
      "",
      `${scores}; ${bytes} bytes in ${out}, trained in ${seconds.toFixed(1)} s`,
    ];
  });
}
