/**
 * `penjing demo`: every step of the article that makes LeNet-5 small with TensorFlow, each saved, loaded and judged.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { PenjingError } from "../base/errors.ts";
import { analyze } from "../compress/index.ts";
import { saveFile } from "../container/index.ts";
import type { Model } from "../model/index.ts";
import { checkPeers } from "../report/plot.ts";
import { type Article, article, type Known, type StageName } from "./article.ts";
import { choices } from "./choices.ts";
import { type Demonstration, demoPage, type Stage } from "./demo-page.ts";
import { type DataOptions, dataOptions, digits } from "./digits.ts";
import { Judge, WARM_UP } from "./judge.ts";
import { percent } from "./numbers.ts";
import { type Sizes, sizesOf, sizesText } from "./sizes.ts";
import type { Printed, Terminal } from "./terminal.ts";
import { epochsOption, seedOption, train } from "./training.ts";

interface Options extends DataOptions {
  json?: boolean;
  epochs: number;
  seed: number;
  out: string;
  permuteLabels?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  seedOption(dataOptions(epochsOption(command, 5)))
    .option("--out <folder>", "where the files of all stages stay", "penjing-demo")
    .option("--permute-labels", "shuffle the labels of the training images: nothing is left to learn")
    .action((options: Options) => demo(options, terminal));
}

async function demo(options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { seed, epochs } = options;
  const data = await digits(options, signal);
  const images = options.permuteLabels ? data.train.permuteLabels(seed) : data.train;
  await mkdir(options.out, { recursive: true });
  const tried = await choices(images, data.test, seed, signal, choice =>
    terminal.note(`${choice.name}: ${percent(choice.testAccuracy)} after ${choice.seconds.toFixed(1)} s`),
  );
  const pathOf = (name: StageName) => join(options.out, `${name}.penjing`);
  const fit = (title: StageName, model: Model, how: Parameters<Model["fit"]>[1] = {}) => {
    const path = pathOf(title);
    return train(model, images, how, { terminal, title, path, save: () => model.save(path) });
  };
  const { model, stages, history } = article({ train: images, test: data.test, epochs, seed, signal, fit });
  const judge = new Judge(data.test);
  const judged: Stage[] = [];
  const sizes = new Map<StageName, Sizes>();
  for (const { name, make } of stages) {
    const path = pathOf(name);
    const began = performance.now();
    const made = await make();
    await made.save(path, { signal });
    const seconds = (performance.now() - began) / 1000;
    const { accuracy, loss, sparsity, bytes, latencyMicros } = await judge.judge(path, signal);
    const scores = { testAccuracy: accuracy, testLoss: loss, sparsity, fileBytes: bytes, latencyMicros, seconds };
    judged.push({ name, ...scores });
    sizes.set(name, sizesOf(analyze(made)));
    terminal.note(`${name}: ${percent(accuracy)} of the test images, ${bytes} bytes`);
  }
  const document: Demonstration = {
    network: model.name,
    parameters: model.parameters,
    dataset: { name: data.name, train: images.length, test: data.test.length },
    choices: tried,
    history: history().history,
    stages: judged,
    size: sizes.get("pruned+int8")!,
  };
  const page = await report(document, stages, options.out, signal);
  terminal.report(options.json, document, () => text(document, stages, options.out, page, terminal));
}

/** Writes the page and returns where it is, or the way to have one. */
async function report(
  document: Demonstration,
  stages: Article["stages"],
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    await checkPeers();
  } catch (error) {
    if (error instanceof PenjingError && error.code === "missing") return `no report.html: ${error.message}`;
    throw error;
  }
  const path = join(folder, "report.html");
  await saveFile(path, new TextEncoder().encode(await demoPage(document, tensorflowOf(stages))), signal);
  return `the same as a page: ${path}`;
}

/** TensorFlow's figures by the names of stages. */
const tensorflowOf = (stages: Article["stages"]): ReadonlyMap<StageName, Known> =>
  new Map(stages.flatMap(({ name, tensorflow }) => (tensorflow ? [[name, tensorflow] as const] : [])));

function text(
  { network, parameters, dataset, choices, stages, size }: Demonstration,
  known: Article["stages"],
  folder: string,
  page: string,
  terminal: Terminal,
): Printed[] {
  const heads = ["stage", "accuracy", "loss", "sparsity", "bytes", "us/image", "seconds", "TensorFlow", "bytes"];
  const tensorflow = tensorflowOf(known);
  const rows = stages.map(s => {
    const theirs = tensorflow.get(s.name);
    return [
      s.name,
      percent(s.testAccuracy),
      s.testLoss.toFixed(4),
      percent(s.sparsity),
      s.fileBytes,
      s.latencyMicros.toFixed(1),
      s.seconds.toFixed(1),
      theirs && percent(theirs.testAccuracy),
      theirs?.fileBytes,
    ];
  });
  const tried = choices.map(c => [c.name, percent(c.testAccuracy), c.seconds.toFixed(1)]);
  const images = `${dataset.train} images to train with, ${dataset.test} to test with`;
  const latency = `one call for one image, the median over the test images after ${WARM_UP} calls to warm up`;
  return [
    `${network}, ${parameters} parameters; ${dataset.name}, ${images}`,
    "",
    terminal.table(["a moment of training", "accuracy", "seconds"], tried),
    "",
    terminal.table(heads, rows),
    "",
    `pruned+int8: ${sizesText(size)}`,
    `us/image: ${latency}; files in ${folder}`,
    "TensorFlow: 2.21 with tfmot 0.8.1, bytes of the .tflite file; docs/from-tensorflow.md says how it was measured",
    page,
  ];
}
