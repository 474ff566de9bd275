/** `penjing prune`: trains a file further while pruning it. */
import { type Command, Option } from "commander";
import { constantSparsity, polynomialDecay, pruneLowMagnitude, type SparsitySchedule } from "../compress/index.ts";
import { asReadBy, type DataOptions, dataOptions, digits } from "./digits.ts";
import { WrongUsage } from "./errors.ts";
import { floatModel } from "./float-model.ts";
import { comparison, Judge, scoresOf } from "./judge.ts";
import { real } from "./options.ts";
import { type OutOptions, outOptions, outputOf, save } from "./outputs.ts";
import type { Terminal } from "./terminal.ts";
import { fitOptions, type TrainingOptions, train, trainingOptions } from "./training.ts";

interface Options extends DataOptions, OutOptions, TrainingOptions {
  json?: boolean;
  sparsity: number;
  initialSparsity: number;
  schedule: "polynomial" | "constant";
}

const share = real({ min: 0, below: 1 });

export function define(command: Command, terminal: Terminal): void {
  const readsAndWrites = outOptions(command.argument("<file>", "a .penjing file of a float network"), "pruned");
  trainingOptions(dataOptions(readsAndWrites), 2)
    .option("--sparsity <x>", "the share of weights that are zero in the end", share, 0.8)
    .option("--initial-sparsity <x>", "where the polynomial schedule begins", share, 0.5)
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

function scheduleOf({ schedule, sparsity, initialSparsity }: Options): SparsitySchedule {
  if (schedule === "constant") return constantSparsity({ targetSparsity: sparsity, beginStep: 1, frequency: "5%" });
  if (initialSparsity > sparsity)
    throw new WrongUsage(
      `option '--initial-sparsity <x>' expected at most --sparsity ${sparsity}, got ${initialSparsity}`,
    );
  const ends = { initialSparsity, finalSparsity: sparsity };
  return polynomialDecay({ ...ends, endStep: "50%", frequency: "5%" });
}

async function run(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const schedule = scheduleOf(options);
  const out = outputOf(file, options, "pruned");
  const model = await floatModel(file, "prune", signal);
  const data = await digits(options, signal);
  const judge = new Judge(data.test);
  const before = await judge.judge(file, signal);
  const masked = pruneLowMagnitude(model, { schedule });
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
  const document = {
    file,
    out,
    schedule: { name: schedule.name, ...schedule.config },
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
