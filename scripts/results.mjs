// node scripts/results.mjs, after npm run build: our columns of the table in docs/from-tensorflow.md, means over seeds
// 1 to 3, in some minutes.
import {
  adam,
  analyze,
  constantSparsity,
  lenet5,
  polynomialDecay,
  pruneLowMagnitude,
  quantizeDynamic,
  quantizeStatic,
} from "penjing";
import { mnist } from "penjing/data";

const SEEDS = [1, 2, 3];
const { train, test } = await mnist();
const loaded = performance.now();

/** Accuracies and bytes by stage, one of each a seed. */
const stages = new Map();

async function note(stage, model) {
  const { accuracy } = await model.evaluate(test);
  const row = stages.get(stage) ?? { accuracies: [], bytes: [] };
  row.accuracies.push(accuracy);
  row.bytes.push(analyze(model).compressed);
  stages.set(stage, row);
}

const fitted = async (model, seed, epochs) => {
  await model.fit(train, { epochs, batchSize: 64, optimizer: adam(1e-3), seed, validation: test });
  return model;
};
const polynomial = finalSparsity =>
  polynomialDecay({ initialSparsity: 0.5, finalSparsity, endStep: "100%", frequency: 100 });
const calibration = train.take(512);

/** Milliseconds of the job that the 61 seconds are of: five epochs, two of pruning to 80 %, two conversions to int8. */
const jobs = [];

for (const seed of SEEDS) {
  const started = performance.now();
  const float = await fitted(lenet5({ seed }), seed, 5);
  const pruned = await fitted(pruneLowMagnitude(float, { schedule: polynomial(0.8) }), seed, 2);
  const int8 = await quantizeStatic(float, { calibration });
  const small = await quantizeStatic(pruned, { calibration });
  jobs.push(loaded + performance.now() - started);
  await note("float, 5 epochs", float);
  await note("dynamic range", await quantizeDynamic(float));
  await note("int8 static", int8);
  const half = await fitted(pruneLowMagnitude(float, { schedule: constantSparsity({ targetSparsity: 0.5 }) }), seed, 2);
  await note("ConstantSparsity 50 %", half);
  await note("PolynomialDecay 50 -> 80 %, float", pruned);
  await note("PolynomialDecay 50 -> 80 %, int8", small);
  const further = await fitted(pruneLowMagnitude(float, { schedule: polynomial(0.9) }), seed, 2);
  await note("PolynomialDecay 50 -> 90 %, float", further);
  await note("PolynomialDecay 50 -> 90 %, int8", await quantizeStatic(further, { calibration }));
}

const mean = numbers => numbers.reduce((a, b) => a + b) / numbers.length;
for (const [stage, { accuracies, bytes }] of stages) {
  const each = accuracies.map(accuracy => (100 * accuracy).toFixed(2)).join(" ");
  console.log(`| ${stage} | ${(100 * mean(accuracies)).toFixed(2)} | ${Math.round(mean(bytes))} | (${each})`);
}
console.log(
  `the whole: ${jobs.map(ms => (ms / 1000).toFixed(1)).join(", ")} s, the data loaded in ${loaded.toFixed(0)} ms`,
);
