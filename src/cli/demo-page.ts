/** The page that `penjing demo` ends with: what every stage costs and gives, beside TensorFlow. */
import { barChart, lineChart, page } from "../report/index.ts";
import { grouped } from "../report/numbers.ts";
import type { Known, StageName } from "./article.ts";
import type { Choice } from "./choices.ts";
import { percent } from "./numbers.ts";
import type { Sizes } from "./sizes.ts";

export interface Stage {
  name: StageName;
  testAccuracy: number;
  testLoss: number;
  sparsity: number;
  fileBytes: number;
  latencyMicros: number;
  /** Time to make and save it. */
  seconds: number;
}

export interface Demonstration {
  network: string;
  parameters: number;
  dataset: { name: string; train: number; test: number };
  /** Losses, penalties and optimizers, each tried for a moment. */
  choices: readonly Choice[];
  /** The history of the training of "float", epoch by epoch. */
  history: Readonly<Record<string, readonly number[]>>;
  stages: readonly Stage[];
  size: Sizes;
}

/** Needs the packages that draw charts. */
export async function demoPage(
  { network, parameters, dataset, choices, history, stages, size }: Demonstration,
  tensorflow: ReadonlyMap<StageName, Known>,
): Promise<string> {
  const { compressedModelSize, compressionRatio } = size;
  const names = stages.map(({ name }) => name);
  const small = stages.find(({ name }) => name === "pruned+int8")!;
  const trained = stages.filter(({ name }) => name !== "untrained");
  const points = (key: string) => (history[key] ?? []).map((value, epoch) => [epoch + 1, value] as const);
  const epochs = (history.loss ?? []).map((_, epoch) => epoch + 1);
  const table = {
    heads: ["", "accuracy", "zeros", "bytes", "us", "seconds", "TensorFlow", "bytes"],
    rows: stages.map(s => {
      const theirs = tensorflow.get(s.name);
      const [accuracy, bytes] = [theirs && percent(theirs.testAccuracy), theirs && grouped(theirs.fileBytes)];
      const own = [percent(s.testAccuracy), percent(s.sparsity), grouped(s.fileBytes)];
      return [s.name, ...own, s.latencyMicros.toFixed(1), s.seconds.toFixed(1), accuracy, bytes];
    }),
  };
  const figures: [string, string][] = [
    [`bytes, ${compressionRatio.toFixed(1)}x smaller`, grouped(compressedModelSize)],
    ["accuracy", percent(small.testAccuracy)],
    ["time of an image", `${small.latencyMicros.toFixed(1)} us`],
  ];
  const [train, test] = [grouped(dataset.train), grouped(dataset.test)];
  const images = `${dataset.name}: ${train} images to train with, ${test} to test with`;
  return page({
    title: `${network}, step by step`,
    summary: `${grouped(parameters)} parameters; ${images}. Figures are those of "pruned+int8".`,
    sections: [
      { blocks: [{ figures }] },
      {
        title: "Training",
        blocks: [
          {
            svg: await lineChart({
              title: "Loss of training and test by epoch",
              x: { label: "epoch", values: epochs },
              y: { label: "loss" },
              series: [
                { name: "training", points: points("loss") },
                { name: "test", points: points("valLoss") },
              ],
            }),
          },
          {
            table: {
              heads: ["a moment of training", "accuracy", "seconds"],
              rows: choices.map(c => [c.name, percent(c.testAccuracy), c.seconds.toFixed(1)]),
            },
          },
        ],
      },
      {
        title: "Stages",
        blocks: [
          { table },
          {
            svg: await barChart({
              title: "Bytes of the file of each stage",
              names,
              series: [{ name: "bytes", values: stages.map(s => s.fileBytes) }],
              x: { label: "bytes" },
              format: grouped,
            }),
            caption: "Bytes of the file",
          },
          {
            svg: await barChart({
              title: "Wrong answers of each stage after training",
              names: trained.map(({ name }) => name),
              series: [{ name: "wrong", values: trained.map(s => 1 - s.testAccuracy) }],
              x: { label: "wrong answers", percent: true },
            }),
            caption: "Wrong answers of the test images",
          },
        ],
      },
    ],
  });
}
