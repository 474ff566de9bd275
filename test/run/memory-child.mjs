/**
 * Child process of memory.ts, run with --expose-gc: node memory-child.mjs <file> <loads | predictions> <first> <last>.
 * Prints as JSON the memory of the process after `first` loads of the file, or predictions, and after `last`.
 */
import { readFileSync } from "node:fs";
import { load } from "../../build/run.js";

const [file, what, ...counts] = process.argv.slice(2);
const [first, last] = counts.map(Number);
const bytes = new Uint8Array(readFileSync(file));
let net = await load(bytes);

/** The memory after garbage collection, when the engine's own threads are done. */
async function occupied() {
  let rss = Infinity;
  for (let i = 0; i < 6; i++) {
    globalThis.gc();
    // also returns free pages to the system, if the engine supports it
    globalThis.gc({ type: "major", execution: "sync", flavor: "last-resort" });
    await new Promise(resolve => setTimeout(resolve, 30));
    rss = Math.min(rss, process.memoryUsage.rss());
  }
  return { rss, heap: process.memoryUsage().heapUsed, arena: net.bytes };
}

const LOADS = [() => load(bytes), () => load(bytes, { capacity: 1 }), () => load(bytes, { warmUp: 2 })];

const image = new Int8Array(784).fill(7);
const reals = new Float32Array(784).fill(0.5);
const picture = { width: 28, height: 28, data: new Uint8ClampedArray(4 * 784).fill(200) };
const ownInto = { into: new Int8Array(10) };
const realInto = { into: new Float32Array(10) };
const PREDICTIONS = [
  () => net.run(image),
  () => net.run(image, ownInto),
  () => net.run(image, { into: net.outputs[0].view }),
  () => net.predict(reals),
  () => net.predict(reals, realInto),
  () => net.predict(picture, realInto),
  () => net.predictBatch([reals]),
  () => net.classify(picture, { top: 1 }),
];

async function doAll(count) {
  if (what === "loads")
    for (let i = 0; i < count; i++) {
      net = await LOADS[i % LOADS.length]();
      await net.warm;
      if (net.run(image).length !== 10) throw new Error("no answer");
    }
  else for (let i = 0; i < count; i++) PREDICTIONS[i % PREDICTIONS.length]();
}

await doAll(first);
const before = await occupied();
await doAll(last - first);
const after = await occupied();

const gone = new WeakRef(net);
// overwritten, since engines may keep the last values of a loop that has ended
net = await load(bytes);
await doAll(10);
await occupied();
console.log(JSON.stringify({ before, after, freed: gone.deref() === undefined }));
