// Loads the network that train-table.mjs saved, in a process that knows nothing of the training, and classifies two
// rows.
//
//   node examples/classify.mjs [flowers.penjing]
import { load } from "penjing/run";

const path = process.argv[2] ?? "flowers.penjing";
const net = await load(path).catch(error => {
  console.error(`${error.message}\nRun examples/train-table.mjs first: it writes the file.`);
  process.exit(1);
});

const { mean, std } = net.metadata;
for (const measured of [
  [5.1, 3.5, 1.4, 0.2],
  [6.7, 3.1, 5.6, 2.1],
]) {
  const [first, second] = net.classify(measured.map((v, i) => (v - mean[i]) / std[i]));
  const percent = ({ label, probability }) => `${label} ${(100 * probability).toFixed(1)} %`;
  console.log(`${measured.join(" ")}: ${percent(first)}, ${percent(second)}`);
}
