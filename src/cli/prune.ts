/** `penjing prune`: trains a file further while pruning it. */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  constantSparsity,
  type Granularity,
  type PruneOptions,
  polynomialDecay,
  prune,
  type SparsitySchedule,
} from "../compress/index.ts";
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

type Criterion = Extract<PruneOptions["criterion"], string>;

interface Options extends DataOptions, LayersOptions, OutOptions, ReportOptions, TrainingOptions {
  json?: boolean;
  sparsity?: number;
  initialSparsity?: number;
  schedule: "polynomial" | "constant";
  criterion: Criterion;
  scope?: "layer" | "global";
  granularity: Granularity;
}

const CRITERIA: Criterion[] = ["magnitude", "taylor", "movement", "snip", "lamp", "random"];

const share = real({ min: 0, below: 1 });

function granularityOf(text: string): Granularity {
  if (text === "element" || text === "row" || text === "column" || text === "filter") return text;
  const [, first, sign, second] = /^(\d+)([x:])(\d+)$/.exec(text) ?? [];
  if (sign === undefined)
    throw new InvalidArgumentError(`expected element, row, column, filter, N:M or RxC, got "${text}"`);
  const [a, b] = [whole(1)(first!), whole(1)(second!)];
  if (sign === ":" && a >= b) throw new InvalidArgumentError(`expected N:M with N less than M, got "${text}"`);
  return sign === ":" ? { n: a, m: b } : [a, b];
}

export function define(command: Command, terminal: Terminal): void {
  const readsAndWrites = outOptions(command.argument("<file>", `${ANY_NETWORK} of a float network`), "pruned");
  const options = trainingOptions(dataOptions(readsAndWrites), 2);
  reportOption(layersOption(options, "all with a kernel"))
    .option("--sparsity <x>", "the share of weights that are zero in the end (default: 0.8; 1 - N/M of N:M)", share)
    .option("--initial-sparsity <x>", "where the polynomial schedule begins (default: 0.5; 0 of N:M)", share)
    .addOption(new Option("--criterion <name>", "how weights are scored").choices(CRITERIA).default("magnitude"))
    .addOption(
      new Option("--scope <name>", "which weights compete (default: layer; of snip and lamp: global)").choices([
        "layer",
        "global",
      ]),
    )
    .option(
      "--granularity <what>",
      "weights that go together: element, row, column, filter, blocks of RxC, or N:M to keep N of every M",
      granularityOf,
      "element",
    )
    .addOption(
      new Option(
        "--schedule <name>",
        "polynomial: more and more in the first half of the training; constant: all at once",
      )
        .choices(["polynomial", "constant"])
        .default("polynomial"),
    )
    .action((file: string, options: Options) => run(file, options, terminal));
}

function scheduleOf({ schedule, granularity, ...options }: Options): SparsitySchedule {
  const pattern = typeof granularity === "object" && "m" in granularity ? granularity : undefined;
  const { sparsity = pattern ? 1 - pattern.n / pattern.m : 0.8, initialSparsity = pattern ? 0 : 0.5 } = options;
  // criteria that gather gradients need a step before the first update
  const gathers = ["taylor", "movement", "snip"].includes(options.criterion);
  if (schedule === "constant")
    return constantSparsity({ targetSparsity: sparsity, beginStep: gathers ? 2 : 1, frequency: "5%" });
  if (initialSparsity > sparsity)
    throw new WrongUsage(
      `option '--initial-sparsity <x>' expected at most --sparsity ${sparsity}, got ${initialSparsity}`,
    );
  const ends = { initialSparsity, finalSparsity: sparsity, ...(gathers && { beginStep: 2 }) };
  return polynomialDecay({ ...ends, endStep: "50%", frequency: "5%" });
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { criterion, scope, granularity, layers } = options;
  const schedule = scheduleOf(options);
  const out = outputOf(file, options, "pruned");
  await checkReport(options, file, out);
  const model = await floatModel(file, "prune", signal);
  const data = await digits(options, signal);
  const judge = new Judge(data.test);
  const before = await judge.judge(file, signal);
  const judged = asReadBy(model, data.test, file);
  if (options.report) await model.report.measure({ data: judged, signal });
  const masked = prune(model, { schedule, criterion, granularity, ...(scope && { scope }), ...(layers && { layers }) });
  const saved = () => save(masked, out, terminal);
  const began = performance.now();
  const { history } = await train(masked, asReadBy(model, data.train, file), fitOptions(options), {
    terminal,
    title: "prune",
    path: out,
    save: saved,
  });
  const seconds = (performance.now() - began) / 1000;
  const after = await judge.judge(out, signal, await saved());
  if (options.report) await masked.report.measure({ data: judged, signal });
  await saveReport(options, () => modelPage(masked, { title: `${file}, pruned`, before: model }), signal);
  const document = {
    file,
    out,
    schedule: { name: schedule.name, ...schedule.config },
    criterion,
    granularity,
    before: scoresOf(before),
    after: scoresOf(after),
    history,
    seconds,
  };
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
