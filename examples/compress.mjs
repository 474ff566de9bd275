// Makes a network smaller: trains it, prunes four fifths of its weights, quantizes it to int8, and compares size and
// accuracy.
//
//   node examples/compress.mjs
import {
  analyze,
  conv2d,
  dense,
  flatten,
  maxPool2d,
  polynomialDecay,
  pruneLowMagnitude,
  quantizeStatic,
  sequential,
} from "penjing";
import { Dataset } from "penjing/data";

const SIZE = 16;
const shapes = ["disc", "ring", "square", "cross"];
const train = pictures(4000, 1);
const test = pictures(500, 2);

const model = sequential(
  [
    conv2d({ filters: 12, kernelSize: 3, activation: "relu", inputShape: [SIZE, SIZE, 1] }),
    maxPool2d(),
    conv2d({ filters: 24, kernelSize: 3, activation: "relu" }),
    maxPool2d(),
    flatten(),
    dense({ units: 48, activation: "relu" }),
    dense({ units: shapes.length }),
  ],
  { seed: 1 },
);
await model.fit(train, { epochs: 8, batchSize: 50 });

const pruned = pruneLowMagnitude(model, {
  schedule: polynomialDecay({ initialSparsity: 0.4, finalSparsity: 0.8, endStep: "75%", frequency: 20 }),
  layers: layer => layer.name !== "conv2d", // the first layer has few weights and needs them
});
await pruned.fit(train, { epochs: 8, batchSize: 50 });
const sparse = pruned.bake();

const int8 = await quantizeStatic(sparse, { calibration: train.take(200) });

const report = [];
for (const [name, network] of Object.entries({ float: model, pruned: sparse, "pruned and int8": int8 })) {
  const { accuracy } = await network.evaluate(test);
  const bytes = (await network.toBytes()).length;
  report.push({ network: name, "accuracy, %": Number((100 * accuracy).toFixed(1)), "file, bytes": bytes });
}
console.table(report);
console.log(String(analyze(int8)));

/** Grey pictures of four shapes at random places and sizes, with noise, as bytes: in the place of pictures of yours. */
function pictures(count, seed) {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const images = new Uint8Array(count * SIZE * SIZE);
  const labels = Array.from({ length: count }, (_, i) => i % shapes.length);
  labels.forEach((label, i) => {
    const radius = 3 + 2.5 * random();
    const [cx, cy] = [0, 0].map(() => radius + random() * (SIZE - 1 - 2 * radius));
    const light = 120 + 100 * random();
    for (let p = 0; p < SIZE * SIZE; p++) {
      const dx = (p % SIZE) - cx;
      const dy = Math.floor(p / SIZE) - cy;
      const distance = Math.hypot(dx, dy);
      const inside = [
        distance <= radius,
        distance <= radius && distance >= radius - 1.6,
        Math.max(Math.abs(dx), Math.abs(dy)) <= 0.85 * radius,
        Math.min(Math.abs(dx), Math.abs(dy)) <= 0.9 && distance <= radius,
      ][label];
      images[i * SIZE * SIZE + p] = Math.min(255, (inside ? light : 0) + 60 * random());
    }
  });
  return new Dataset({ images, shape: [SIZE, SIZE, 1], labels, classNames: shapes });
}
