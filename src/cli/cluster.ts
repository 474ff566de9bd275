/** `penjing cluster`: a trained file whose weights share a few values, trained on. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type CentroidInit, clusterWeights, distinctValues, sparsity } from "../compress/index.ts";
import { modelPage } from "../report/index.ts";
import { asReadBy, type DataOptions, dataOptions, digits } from "./digits.ts";
import { WrongUsage } from "./errors.ts";
import { floatModel } from "./float-model.ts";
import { comparison, Judge, scoresOf } from "./judge.ts";
import { type LayersOptions, layersOption } from "./layers.ts";
import { ANY_NETWORK } from "./network.ts";
import { real, whole } from "./options.ts";
import { type OutOptions, outOptions, outputOf, save } from "./outputs.ts";
import { checkReport, type ReportOptions, reportOption, saveReport } from "./reports.ts";
import type { Terminal } from "./terminal.ts";
import { fitOptions, type TrainingOptions, train, trainingOptions } from "./training.ts";

type Clusters = number | Record<string, number>;

interface Options extends DataOptions, LayersOptions, OutOptions, ReportOptions, TrainingOptions {
  json?: boolean;
  clusters?: Clusters;
  errorBudget?: number;
  init?: CentroidInit;
  perChannel?: boolean;
  preserveSparsity?: boolean;
}

/** The share of zeros from which a network is taken for a pruned one. */
const PRUNED = 0.1;

const count = whole(2, 256);

/** A number of values, or numbers by the names of layers. */
function clustersOf(text: string): Clusters {
  if (!text.includes("=")) return count(text);
  const entries = text.split(",").map(part => {
    const [, name, values] = /^\s*(.+)=(.+)$/.exec(part) ?? [];
    if (name === undefined) throw new InvalidArgumentError(`expected layer=values, got "${part}"`);
    return [name.trim(), count(values!)] as const;
  });
  return Object.fromEntries(entries);
}

export function define(command: Command, terminal: Terminal): void {
  const reads = outOptions(command.argument("<file>", `${ANY_NETWORK} of a float network`), "clustered");
  const options = trainingOptions(dataOptions(reads), 1, { leastEpochs: 0, learningRate: 1e-4 });
  reportOption(layersOption(options, "all with a kernel but depthwise convolutions"))
    .option("--clusters <k>", "values of each layer (default: 16), or by layer: conv2d=32,dense=8", clustersOf)
    .option(
      "--error-budget <x>",
      "instead: as few values as keep each layer's squared error within this share",
      real({ above: 0, below: 1 }),
    )
    .addOption(
      new Option("--init <name>", "how the first values are found (default: optimal)").choices([
        "optimal",
        "kmeans++",
        "density",
        "linear",
        "random",
      ]),
    )
    .option("--per-channel", "values of its own for each channel of a convolution")
    .option("--preserve-sparsity", "zeros stay zeros (default: where a tenth of the weights are zero)")
    .option("--no-preserve-sparsity", "zeros are weights like others")
    .action((file: string, options: Options) => run(file, options, terminal));
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { clusters, errorBudget, init, perChannel, layers, epochs, seed } = options;
  if (clusters !== undefined && errorBudget !== undefined)
    throw new WrongUsage("expected one of --clusters and --error-budget");
  if (typeof clusters === "object" && layers) throw new WrongUsage("expected no --layers beside --clusters by layer");
  if (errorBudget !== undefined && init !== undefined && init !== "optimal")
    throw new WrongUsage("expected --init optimal beside --error-budget");
  const out = outputOf(file, options, "clustered");
  await checkReport(options, file, out);
  const model = await floatModel(file, "cluster", signal);
  const data = await digits(options, signal);
  const judge = new Judge(data.test);
  const before = await judge.judge(file, signal);
  const judged = asReadBy(model, data.test, file);
  if (options.report) await model.report.measure({ data: judged, signal });
  const preserveSparsity = options.preserveSparsity ?? sparsity(model).sparsity >= PRUNED;
  const began = performance.now();
  const clustered = clusterWeights(model, {
    ...(clusters !== undefined && { clusters }),
    ...(errorBudget !== undefined && { errorBudget }),
    ...(init && { init, seed }),
    ...(perChannel && { perChannel }),
    ...(preserveSparsity && { preserveSparsity }),
    ...(layers && { layers }),
  });
  const saved = () => save(clustered, out, terminal);
  const how = { terminal, title: "cluster", path: out, save: saved };
  const images = asReadBy(model, data.train, file);
  const history = epochs ? (await train(clustered, images, fitOptions(options), how)).history : {};
  const seconds = (performance.now() - began) / 1000;
  const after = await judge.judge(out, signal, await saved());
  if (options.report) await clustered.report.measure({ data: judged, signal });
  await saveReport(options, () => modelPage(clustered, { title: `${file}, clustered` }), signal);
  const { tensors } = distinctValues(clustered);
  const document = {
    file,
    out,
    clusters: clusters ?? (errorBudget === undefined ? 16 : null),
    errorBudget: errorBudget ?? null,
    init: init ?? "optimal",
    perChannel: perChannel ?? false,
    preserveSparsity,
    tensors,
    before: scoresOf(before),
    after: scoresOf(after),
    history,
    seconds,
  };
  terminal.report(options.json, document, () => [
    ...comparison(
      [
        [file, before],
        [out, after],
      ],
      terminal,
    ),
    "",
    terminal.table(
      ["weight", "elements", "values", "zeros"],
      tensors.map(t => [t.name, t.weights, t.values, t.zeros]),
    ),
  ]);
}
