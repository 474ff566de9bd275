/** `penjing prune`: a trained file, pruned while it is trained on. */
import { type Command, Option } from "commander";
import { constantSparsity, polynomialDecay, pruneLowMagnitude, type SparsitySchedule } from "../compress/index.ts";
import { loadModel } from "../model/index.ts";
import { beside } from "./beside.ts";
import { type DataOptions, dataOptions, digits } from "./digits.ts";
import { WrongUsage } from "./errors.ts";
import { comparison, Judge, scoresOf } from "./judge.ts";
import { real } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { fitOptions, type TrainingOptions, train, trainingOptions } from "./training.ts";

interface Options extends DataOptions, TrainingOptions {
  json?: boolean;
  sparsity: number;
  initialSparsity: number;
  schedule: "polynomial" | "constant";
  out?: string;
}

const share = real({ min: 0, below: 1 });

export function define(command: Command, terminal: Terminal): void {
  trainingOptions(dataOptions(command.argument("<file>", "a .penjing file of a float network")), 2)
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
    .option("--out <file>", "the file to write (default: <file>.pruned.penjing)")
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
  const { out = beside(file, "pruned") } = options;
  const schedule = scheduleOf(options);
  const model = await loadModel(file, { signal });
  const data = await digits(options, signal);
  const judge = new Judge(data.test);
  const before = await judge.judge(file, signal);
  const masked = pruneLowMagnitude(model, { schedule });
  const save = () => masked.bake().save(out);
  const began = performance.now();
  const { history } = await train(masked, data.train, fitOptions(options), {
    terminal,
    title: "prune",
    path: out,
    save,
  });
  const seconds = (performance.now() - began) / 1000;
  await save();
  const after = await judge.judge(out, signal);
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
