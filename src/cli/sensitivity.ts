/** `penjing sensitivity`: how much each layer of a network bears. */
import { type Command, Option } from "commander";
import { type SensitivityTo, sensitivity } from "../compress/index.ts";
import { sensitivityPage } from "../report/index.ts";
import { asReadBy, type DataOptions, dataOptions, digits } from "./digits.ts";
import { floatModel } from "./float-model.ts";
import { type LayersOptions, layersOption } from "./layers.ts";
import { ANY_NETWORK } from "./network.ts";
import { reals, whole } from "./options.ts";
import { checkReport, type ReportOptions, reportOption, saveReport } from "./reports.ts";
import type { Terminal } from "./terminal.ts";

interface Options extends DataOptions, LayersOptions, ReportOptions {
  json?: boolean;
  of: SensitivityTo;
  strengths?: number[];
  part: "train" | "test";
  samples: number;
}

export function define(command: Command, terminal: Terminal): void {
  const reads = dataOptions(command.argument("<file>", `${ANY_NETWORK} of a float network`));
  reportOption(layersOption(reads, "all that can be changed"))
    .addOption(
      new Option("--of <what>", "what is done to one layer at a time")
        .choices(["sparsity", "channels", "bits"])
        .default("sparsity"),
    )
    .option("--strengths <list>", "shares of weights or channels, or bits, with commas between them", reals({ min: 0 }))
    .addOption(
      new Option("--part <name>", "the images it is measured on: what is chosen by them is judged on others")
        .choices(["train", "test"])
        .default("train"),
    )
    .option("--samples <n>", "how many of them", whole(1), 5000)
    .action((file: string, options: Options) => run(file, options, terminal));
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { of, strengths, layers, part, samples } = options;
  await checkReport(options, file);
  const model = await floatModel(file, "analyze", signal);
  const data = await digits(options, signal);
  const found = await sensitivity(model, asReadBy(model, data[part].take(samples), file), {
    of,
    ...(strengths && { strengths }),
    ...(layers && { layers }),
    signal,
    onProgress: (done, total, layer) => terminal.progress("sensitivity", done / total, layer),
  });
  terminal.endProgress();
  await saveReport(options, () => sensitivityPage(found, { title: `Sensitivity of ${file}` }), signal);
  terminal.report(options.json, { file, dataset: { name: data.name, part }, ...found }, () =>
    String(found).split("\n"),
  );
}
