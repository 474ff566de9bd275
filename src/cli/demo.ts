/** `penjing demo`: LeNet-5 on MNIST, trained, pruned, quantized, saved, loaded again and compared. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { analyze, polynomialDecay, pruneLowMagnitude, quantizeDynamic, quantizeStatic } from "../compress/index.ts";
import { lenet5 } from "../models/index.ts";
import { adam } from "../train/index.ts";
import { type DataOptions, dataOptions, digits } from "./digits.ts";
import { Judge, WARM_UP } from "./judge.ts";
import { percent } from "./numbers.ts";
import { type Sizes, sizesOf, sizesText } from "./sizes.ts";
import type { Printed, Terminal } from "./terminal.ts";
import { epochsOption, seedOption, train } from "./training.ts";

/** Constants of every run. */
const BATCH = 64;
const LEARNING_RATE = 1e-3;
const FINE_TUNING = 2;
const CALIBRATION = 512;
const SPARSITY = { initialSparsity: 0.5, finalSparsity: 0.8 };

interface Options extends DataOptions {
  json?: boolean;
  epochs: number;
  seed: number;
  out: string;
  permuteLabels?: boolean;
}

interface Stage {
  name: "float" | "pruned" | "int8" | "dynamic" | "pruned+int8";
  testAccuracy: number;
  testLoss: number;
  sparsity: number;
  fileBytes: number;
  latencyMicros: number;
  /** Time to make and save it. */
  seconds: number;
}

interface Saved {
  save(path: string, options: { signal?: AbortSignal }): Promise<void>;
}

export function define(command: Command, terminal: Terminal): void {
  seedOption(dataOptions(epochsOption(command, 5)))
    .option("--out <folder>", "where the files of all stages stay", "penjing-demo")
    .option("--permute-labels", "shuffle the labels of the training images: nothing is left to learn")
    .action((options: Options) => demo(options, terminal));
}

async function demo(options: Options, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  const { seed } = options;
  const data = await digits(options, signal);
  const images = options.permuteLabels ? data.train.permuteLabels(seed) : data.train;
  await mkdir(options.out, { recursive: true });
  const judge = new Judge(data.test);
  const stages: Stage[] = [];

  /** Makes a stage, saves it, and judges the file. */
  const stage = async <T extends Saved>(name: Stage["name"], make: (path: string) => Promise<T>): Promise<T> => {
    const path = join(options.out, `${name}.penjing`);
    const began = performance.now();
    const made = await make(path);
    await made.save(path, { signal });
    const seconds = (performance.now() - began) / 1000;
    const { accuracy, loss, sparsity, bytes, latencyMicros } = await judge.judge(path, signal);
    const judged = { testAccuracy: accuracy, testLoss: loss, sparsity, fileBytes: bytes, latencyMicros, seconds };
    stages.push({ name, ...judged });
    terminal.note(`${name}: ${percent(accuracy)} of the test images, ${bytes} bytes`);
    return made;
  };

  const model = lenet5({ seed });
  const fit = { batchSize: BATCH, seed };
  await stage("float", async path => {
    const how = { terminal, title: "train", path, save: () => model.save(path) };
    await train(model, images, { ...fit, epochs: options.epochs, optimizer: adam(LEARNING_RATE) }, how);
    return model;
  });
  const pruned = await stage("pruned", async path => {
    const masked = pruneLowMagnitude(model, { schedule: polynomialDecay({ ...SPARSITY, endStep: "50%" }) });
    const how = { terminal, title: "prune", path, save: () => masked.save(path) };
    await train(masked, images, { ...fit, epochs: FINE_TUNING, optimizer: adam(LEARNING_RATE) }, how);
    return masked;
  });
  const calibration = images.take(CALIBRATION);
  await stage("int8", () => quantizeStatic(model, { calibration, signal }));
  await stage("dynamic", () => quantizeDynamic(model));
  const small = await stage("pruned+int8", () => quantizeStatic(pruned, { calibration, signal }));

  const document = {
    network: model.name,
    parameters: model.parameters,
    dataset: { name: data.name, train: images.length, test: data.test.length },
    stages,
    size: sizesOf(analyze(small)),
  };
  terminal.report(options.json, document, () => text(document, options.out, terminal));
}

interface Document {
  network: string;
  parameters: number;
  dataset: { name: string; train: number; test: number };
  stages: readonly Stage[];
  size: Sizes;
}

function text({ network, parameters, dataset, stages, size }: Document, folder: string, terminal: Terminal): Printed[] {
  const heads = ["stage", "accuracy", "loss", "sparsity", "bytes", "us/image", "seconds"];
  const rows = stages.map(s => [
    s.name,
    percent(s.testAccuracy),
    s.testLoss.toFixed(4),
    percent(s.sparsity),
    s.fileBytes,
    s.latencyMicros.toFixed(1),
    s.seconds.toFixed(1),
  ]);
  const images = `${dataset.train} images to train with, ${dataset.test} to test with`;
  const latency = `one call for one image, the median over the test images after ${WARM_UP} calls to warm up`;
  return [
    `${network}, ${parameters} parameters; ${dataset.name}, ${images}`,
    "",
    terminal.table(heads, rows),
    "",
    `pruned+int8: ${sizesText(size)}`,
    `us/image: ${latency}; files in ${folder}`,
  ];
}
