// Trains a classifier on a table of numbers and saves it. classify.mjs loads what this writes.
//
//   node examples/train-table.mjs [flowers.penjing]
import { dense, earlyStopping, sequential } from "penjing";
import { Dataset } from "penjing/data";

const path = process.argv[2] ?? "flowers.penjing";
const species = ["setosa", "versicolor", "virginica"];
const csv = table(600);

// From text to numbers: one row for each line, four measurements and the name of the species.
const lines = csv.trim().split("\n").slice(1);
const rows = lines.map(line => line.split(","));
const columns = 4;
const raw = Float32Array.from(rows.flatMap(row => row.slice(0, columns).map(Number)));
const labels = rows.map(row => species.indexOf(row[columns]));

// Each column gets mean 0 and standard deviation 1. Whoever runs the network must do the same, so both go into the
// file.
const column = j => Array.from({ length: rows.length }, (_, i) => raw[i * columns + j]);
const mean = Array.from({ length: columns }, (_, j) => column(j).reduce((sum, v) => sum + v, 0) / rows.length);
const std = mean.map((m, j) => Math.sqrt(column(j).reduce((sum, v) => sum + (v - m) ** 2, 0) / rows.length));
const scaled = raw.map((v, i) => (v - mean[i % columns]) / std[i % columns]);

const data = new Dataset({ images: scaled, shape: [columns], labels, classNames: species });
const [train, test] = data.shuffle(1).split(0.8);

const model = sequential(
  [dense({ units: 16, activation: "relu", inputShape: [columns] }), dense({ units: species.length })],
  { seed: 1, name: "flowers" },
);
const history = await model.fit(train, {
  epochs: 60,
  batchSize: 32,
  validation: test,
  callbacks: [earlyStopping({ monitor: "valLoss", patience: 8 })],
});

const { accuracy } = await model.evaluate(test);
await model.save(path, { metadata: { mean, std } });
console.log(`${csv.split("\n")[0]}: ${train.length} rows to train on, ${test.length} to test on`);
console.log(
  `accuracy ${(100 * accuracy).toFixed(1)} % after ${history.history.loss.length} epochs; ${path} is written`,
);

/**
 * A table as text, in the place of a file of yours: measurements in cm, normally distributed around those of each
 * species.
 */
function table(count) {
  const typical = [
    [5.0, 3.4, 1.5, 0.2],
    [5.9, 2.8, 4.3, 1.3],
    [6.6, 3.0, 5.6, 2.0],
  ];
  const spread = [0.5, 0.4, 0.55, 0.3];
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const normal = () => Array.from({ length: 12 }, random).reduce((sum, v) => sum + v, -6);
  const line = (_, i) => {
    const numbers = typical[i % 3].map((v, j) => (v + spread[j] * normal()).toFixed(2));
    return [...numbers, species[i % 3]].join(",");
  };
  return ["sepal length,sepal width,petal length,petal width,species", ...Array.from({ length: count }, line)].join(
    "\n",
  );
}
