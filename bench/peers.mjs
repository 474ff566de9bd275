/**
 * npm run bench:peers [-- --json] [--networks lenet5,resnet8] [--rounds 60] [--report results/name]
 *
 * Compares penjing with other runtimes in one process, one thread: the outputs of each are checked, all are warmed up
 * for the same time, then timed in turn, a loop of about 2 ms each per round. The result is the minimum of all rounds,
 * since disturbances only make code slower; medians are reported too.
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";

for (const needed of ["../build/run.js", "node_modules/onnxruntime-node"])
  if (!existsSync(new URL(needed, import.meta.url))) {
    console.error(`${needed} is missing: npm run build in the repository, npm install in bench`);
    process.exit(2);
  }

const { chooseVariant, supported } = await import("../build/run.js");
const penjing = await import("./engines/penjing.mjs");
const { nativeTimes } = await import("./engines/native.mjs");
const { NETWORKS } = await import("./networks.mjs");
const { writeReport, table } = await import("./report.mjs");

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    networks: { type: "string", default: Object.keys(NETWORKS).join(",") },
    rounds: { type: "string", default: "60" },
    warm: { type: "string", default: "500" },
    report: { type: "string" },
  },
});
const chosen = options.networks.split(",");
const unknown = chosen.filter(name => !NETWORKS[name]);
if (unknown.length) {
  console.error(`no network ${unknown.join(", ")}; there are ${Object.keys(NETWORKS).join(", ")}`);
  process.exit(2);
}
const rounds = Number(options.rounds);
const warm = Number(options.warm);

const LOOP = 2; // milliseconds

const rivals = [await import("./engines/litert-js.mjs")];
rivals.push(...(await import("./engines/onnxruntime.mjs")).engines, await import("./engines/tfjs.mjs"));

const networks = chosen.map(name => NETWORKS[name]());
const native = nativeTimes(networks, warm);
const rows = [];
for (const network of networks)
  for (const batch of network.batches) {
    const note = text => !options.json && process.stderr.write(`${network.name} batch ${batch}: ${text}\n`);
    rows.push(await compare(network, batch, native[network.name]?.[batch] ?? {}, note));
  }
const document = { engine: supported().engine, variant: chooseVariant(), rows };
if (options.report) await writeReport(options.report, document);
console.log(options.json ? JSON.stringify(document, undefined, 2) : table(document));
process.exit(0); // some runtimes keep workers alive

async function compare(network, batch, natively, note) {
  const contestants = [];
  for (const engine of [penjing, ...rivals]) {
    const opened = await engine.open(network, batch);
    if (!opened) continue;
    check(engine.name, network, batch, await opened.results(), opened);
    contestants.push({ name: engine.name, times: [], ...opened });
  }
  note(`${contestants.map(c => c.name).join(", ")} give the right answers`);
  for (const contestant of contestants) await warmUp(contestant);
  for (let round = 0; round < rounds; round++)
    for (const c of contestants) c.times.push(((await loop(c, c.calls)) / c.calls / batch) * 1000);
  const least = Object.fromEntries(contestants.map(c => [c.name, Math.min(...c.times)]));
  const medians = Object.fromEntries(contestants.map(c => [c.name, median(c.times)]));
  const { penjing: ours, ...peers } = least;
  const fastest = Math.min(...Object.values(peers));
  return {
    network: network.name,
    batch,
    ours,
    unit: "us/image",
    peers: { ...peers, ...natively },
    bestRatio: fastest / ours,
    medians,
  };
}

/** Checks outputs: a runtime with wrong results is not timed. */
function check(name, network, batch, results, { expected, tolerance }) {
  const size = results.length / batch;
  const have = expected.length / size;
  if (results.length % batch !== 0) throw new Error(`${name}, ${network.name}: ${results.length} numbers`);
  for (let i = 0; i < results.length; i++) {
    const right = expected[(Math.floor(i / size) % have) * size + (i % size)];
    if (!(Math.abs(results[i] - right) <= tolerance))
      throw new Error(`${name}, ${network.name}: image ${Math.floor(i / size)} gives ${results[i]}, expected ${right}`);
  }
}

/** Runs until the engine's optimizing compiler is done; determines the number of calls per loop. */
async function warmUp(contestant) {
  let once = Infinity;
  const end = performance.now() + warm;
  while (performance.now() < end) once = Math.min(once, (await loop(contestant, 8)) / 8);
  contestant.calls = Math.max(1, Math.round(LOOP / once));
}

async function loop({ run, asynchronous }, calls) {
  const began = performance.now();
  if (asynchronous) for (let i = 0; i < calls; i++) await run();
  else for (let i = 0; i < calls; i++) run();
  return performance.now() - began;
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
