/** `penjing slim`: a trained file with fewer channels, trained on. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Keep, type SlimOptions, slim } from "../compress/index.ts";
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

type Score = Extract<SlimOptions["score"], string>;

interface Options extends DataOptions, LayersOptions, OutOptions, ReportOptions, TrainingOptions {
  json?: boolean;
  keep?: Keep;
  macs?: number;
  parameters?: number;
  score: Score;
  samples: number;
  multipleOf: number;
}

const share = real({ above: 0, max: 1 });

/** A share, or channels by the names of layers. */
function keepOf(text: string): Keep {
  if (!text.includes("=")) return share(text);
  const entries = text.split(",").map(part => {
    const [, name, channels] = /^\s*(.+)=(.+)$/.exec(part) ?? [];
    if (name === undefined) throw new InvalidArgumentError(`expected layer=channels, got "${part}"`);
    return [name.trim(), whole(1)(channels!)] as const;
  });
  return Object.fromEntries(entries);
}

export function define(command: Command, terminal: Terminal): void {
  const reads = outOptions(command.argument("<file>", `${ANY_NETWORK} of a float network`), "slim");
  const options = trainingOptions(dataOptions(reads), 2, { leastEpochs: 0 });
  reportOption(layersOption(options, "all convolutions and dense layers but the last"))
    .option("--keep <what>", "the share of each layer's channels, or channels by layer: conv2d=4,dense=60", keepOf)
    .option("--macs <x>", "instead: the share of the multiply-accumulates", share)
    .option("--parameters <x>", "instead: the share of the parameters", share)
    .addOption(
      new Option("--score <name>", "which channels stay; taylor and apoz look at training images")
        .choices(["l1", "l2", "gamma", "taylor", "apoz"])
        .default("taylor"),
    )
    .option("--samples <n>", "how many images taylor and apoz look at", whole(1), 512)
    .option("--multiple-of <n>", "channels become a multiple, such as 8 for SIMD", whole(1), 1)
    .action((file: string, options: Options) => run(file, options, terminal));
}

function kept({ keep, macs, parameters }: Options): Keep {
  const given = [keep, macs !== undefined && { macs }, parameters !== undefined && { parameters }].filter(
    option => option !== undefined && option !== false,
  );
  if (given.length !== 1)
    throw new WrongUsage(`expected one of --keep, --macs and --parameters, got ${given.length || "none"}`);
  return given[0] as Keep;
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { score, samples, multipleOf, layers, epochs } = options;
  const keep = kept(options);
  const out = outputOf(file, options, "slim");
  await checkReport(options, file, out);
  const model = await floatModel(file, "slim", signal);
  const data = await digits(options, signal);
  const images = asReadBy(model, data.train, file);
  const judge = new Judge(data.test);
  const before = await judge.judge(file, signal);
  const judged = asReadBy(model, data.test, file);
  if (options.report) await model.report.measure({ data: judged, signal });
  const looks = score === "taylor" || score === "apoz";
  const began = performance.now();
  const slimmed = await slim(model, {
    keep,
    score,
    multipleOf,
    ...(looks && { data: images.take(samples) }),
    ...(layers && { layers }),
    signal,
  });
  const saved = () => save(slimmed, out, terminal);
  const how = { terminal, title: "slim", path: out, save: saved };
  const history = epochs ? (await train(slimmed, images, fitOptions(options), how)).history : {};
  const seconds = (performance.now() - began) / 1000;
  const after = await judge.judge(out, signal, await saved());
  if (options.report) await slimmed.report.measure({ data: judged, signal });
  await saveReport(options, () => modelPage(slimmed, { title: `${file}, slimmed`, before: model }), signal);
  const document = {
    file,
    out,
    keep,
    score,
    layers: slimmed.layers.map(({ name, outputShape, parameters }) => ({ name, outputShape, parameters })),
    sizes: slimmed.report.rows.map(({ step, bytes, parameters, macs }) => ({ step, bytes, parameters, macs })),
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
    ...sizesTable(document.sizes, terminal),
  ]);
}

function sizesTable(
  sizes: readonly { step: string; parameters: number; macs: number }[],
  terminal: Terminal,
): ReturnType<Terminal["table"]>[] {
  return [
    terminal.table(
      ["step", "parameters", "MACs"],
      sizes.map(s => [s.step, s.parameters, s.macs]),
    ),
  ];
}
