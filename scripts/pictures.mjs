// npm run pictures, after npm run build: what docs/compression.md shows, from LeNet-5 trained on 55 000 images of MNIST
// and measured on the other 5 000. No time is in it, so that the same versions draw the same pictures. Some minutes.
import { mkdirSync, writeFileSync } from "node:fs";
import { compare, lenet5, polynomialDecay, prune, quantizeStatic, sensitivity, slim } from "penjing";
import { mnist } from "penjing/data";
import { lineChart, sensitivityChart } from "penjing/report";

const FOLDER = "docs/pictures";
const all = (await mnist()).train;
const [train, held] = [all.take(55_000), all.skip(55_000)];
const calibration = train.take(512);
const fit = { batchSize: 64, seed: 1 };

mkdirSync(FOLDER, { recursive: true });
const draw = async (name, svg) => writeFileSync(`${FOLDER}/${name}.svg`, `${await svg}\n`);

const model = lenet5({ seed: 1 });
await model.fit(train, { ...fit, epochs: 3 });
console.log(`LeNet-5: ${(await model.evaluate(held)).accuracy}`);

for (const of of ["sparsity", "channels", "bits"]) {
  const found = await sensitivity(model, held, { of });
  console.log(String(found));
  await draw(`sensitivity-${of}`, sensitivityChart(found));
}

/** Trains a model for one epoch more, quantizes it, and measures it. */
async function judged(smaller) {
  await smaller.fit(train, { ...fit, epochs: 1 });
  const small = await quantizeStatic(smaller, { calibration });
  const { accuracy } = await small.evaluate(held);
  const { bytes, macs, nonZeros } = small.report.rows.at(-1);
  return { small, accuracy, bytes, macs, nonZeros };
}

const pruned = (from, finalSparsity) =>
  prune(from, {
    schedule: polynomialDecay({ initialSparsity: finalSparsity / 2, finalSparsity, endStep: "50%", frequency: "5%" }),
    scope: "global",
  });

const methods = [
  { name: "int8", results: [await judged(model.clone())] },
  { name: "pruned", results: [] },
  { name: "slimmed", results: [] },
  { name: "slimmed, then pruned", results: [] },
];
const note = async (method, label, smaller) => {
  const result = { label, ...(await judged(smaller)) };
  console.log(`| ${method}, ${label} | ${result.bytes} | ${result.macs} | ${result.nonZeros} | ${result.accuracy} |`);
  methods.find(({ name }) => name === method).results.push(result);
};
methods[0].results[0].label = "all";
console.log("| method | bytes | MACs | non-zeros | accuracy |\n|---|---|---|---|---|");
const [{ bytes, macs, nonZeros, accuracy }] = methods[0].results;
console.log(`| int8 | ${bytes} | ${macs} | ${nonZeros} | ${accuracy} |`);
for (const sparsity of [0.5, 0.8, 0.9, 0.95, 0.98])
  await note("pruned", `${100 * sparsity} %`, pruned(model, sparsity));
for (const share of [0.75, 0.5, 0.25, 0.125])
  await note("slimmed", `${100 * share} % of the MACs`, await slim(model, { keep: { macs: share } }));
const half = await slim(model, { keep: { macs: 0.5 } });
await half.fit(train, { ...fit, epochs: 1 });
for (const sparsity of [0.5, 0.8, 0.9])
  await note("slimmed, then pruned", `${100 * sparsity} %`, pruned(half, sparsity));

await draw(
  "methods",
  lineChart({
    title: "Accuracy against bytes of the int8 file, by method",
    x: { label: "bytes of the int8 file" },
    y: { label: "accuracy", percent: true },
    reference: accuracy,
    series: methods.map(({ name, results }) => ({ name, points: results.map(r => [r.bytes, r.accuracy]) })),
  }),
);

const smallest = methods[1].results.find(({ label }) => label === "95 %").small;
const found = await compare(model, smallest, held, { names: ["float", "95 % pruned, int8"], milliseconds: 1 });
console.log(
  JSON.stringify({ changed: found.changed.count, mended: found.changed.mended, broken: found.changed.broken }),
);
console.log(String(found).split("\n\n").slice(-2).join("\n\n"));
