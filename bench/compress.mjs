/**
 * npm run bench:compress [-- --json] [--seeds 3] [--networks lenet5] [--only METHOD,...] [--epochs 25%] [--report name]
 *
 * Trains networks, makes them smaller by each method, and says what that costs and what it saves. What is done is in the
 * report after each row: the next run goes on where one ended.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

if (!existsSync(new URL("../build/report.js", import.meta.url))) fail("../build is missing: npm run build");

const { chooseVariant, supported } = await import("../build/index.js");
const { METHODS } = await import("./compress/methods.mjs");
const { dataOf, NETWORKS } = await import("./compress/networks.mjs");
const { rowName, Runs } = await import("./compress/runs.mjs");
const { rowsOf, tables, writeReport } = await import("./compress/report.mjs");

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seeds: { type: "string", default: "3" },
    networks: { type: "string", default: Object.keys(NETWORKS).join(",") },
    only: { type: "string", multiple: true, default: [] },
    epochs: { type: "string", default: "100%" },
    quick: { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
    report: { type: "string" },
  },
});
const seeds = Number(options.seeds);
if (!(Number.isInteger(seeds) && seeds > 0)) fail(`--seeds expected a number of seeds, got "${options.seeds}"`);
const share = Number(/^(\d+(?:\.\d+)?)%$/.exec(options.epochs)?.[1]) / 100;
if (!(share > 0)) fail(`--epochs expected a share of each recipe's epochs, like 25%, got "${options.epochs}"`);
const networks = options.networks.split(",");
const missing = networks.filter(name => !NETWORKS[name]);
if (missing.length) fail(`no network ${missing.join(", ")}; there are ${Object.keys(NETWORKS).join(", ")}`);
const names = [...new Set(Object.values(METHODS).flatMap(Object.keys))];
const unknown = options.only.filter(name => !names.includes(name));
if (unknown.length) fail(`no method ${unknown.join(", ")}; there are:\n  ${names.join("\n  ")}`);

/** Without --report, a quick look leaves nothing. */
const path =
  options.report ?? (options.quick ? undefined : fileURLToPath(new URL("results/compress", import.meta.url)));
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const known = path && !options.fresh && existsSync(`${path}.json`) ? readFileSync(`${path}.json`, "utf8") : undefined;
const runs = known ? JSON.parse(known).runs : [];

const processors = cpus();
const machine = `${processors[0].model}, ${processors.length} processors, ${supported().engine}, ${chooseVariant()} kernels`;
const command = ["npm run bench:compress --", ...process.argv.slice(2).map(quoted)].join(" ");

const controller = new AbortController();
process.once("SIGINT", () => controller.abort());
try {
  for (const network of networks) await runNetwork(network);
} catch (error) {
  if (!controller.signal.aborted) throw error;
  process.stderr.write("stopped; the rows that were done are kept\n");
  process.exit(130);
}
const document = documentOf();
if (path && document.rows.length) await writeReport(path, document);
console.log(options.json ? JSON.stringify(document, undefined, 2) : tables(document));

async function runNetwork(network) {
  const methods = METHODS[network];
  const data = await dataOf(NETWORKS[network], options.quick);
  const wanted = options.only.length
    ? Object.keys(methods).filter(name => options.only.includes(name))
    : Object.keys(methods);
  const trainings = Array.from({ length: seeds }, (_, i) => {
    const of = { network: NETWORKS[network], methods, data, seed: i + 1, share, signal: controller.signal };
    const how = { milliseconds: options.quick ? 10 : 500, verbose: process.stderr.isTTY ? 1 : 0 };
    return new Runs({ ...of, ...how, ...(!options.quick && { checkpoint: checkpointOf(network, i + 1) }) });
  });
  for (const name of new Set(wanted.length ? ["float", ...wanted] : []))
    for (const each of trainings)
      for (const form of methods[name].forms) {
        const settings = { version, images: data.train.length, epochs: each.epochsOf(name), share };
        await runOne(each, { network, seed: each.seed, ...settings }, name, form);
      }
}

/** The file that keeps the training of a float network, for the next run; without --fresh it is read. */
function checkpointOf(network, seed) {
  const folder = fileURLToPath(new URL("../node_modules/.cache/penjing-bench", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${version}-${network}-${seed}-${options.epochs}.checkpoint`);
  if (options.fresh) rmSync(file, { force: true });
  return file;
}

/** One row of one seed, unless it is done. */
async function runOne(trainings, of, name, form) {
  const method = rowName(name, form);
  const same = run => run.network === of.network && run.seed === of.seed;
  const done = runs.findIndex(run => same(run) && run.method === method);
  const isDone = done >= 0 && Object.entries(of).every(([key, value]) => runs[done][key] === value);
  const began = performance.now();
  if (!isDone) {
    const measured = await trainings.measured(name, form);
    const float = method === "float" ? measured : runs.find(run => same(run) && run.method === "float");
    const load = Number(loadavg()[0].toFixed(1));
    const run = { method, ...of, ...measured, baseline: float.accuracy, machine, load, command };
    if (done >= 0) runs[done] = run;
    else runs.push(run);
    if (path) await writeReport(path, documentOf());
  }
  const { accuracy } = runs.find(run => same(run) && run.method === method);
  const took = isDone ? "done before" : `${((performance.now() - began) / 1000).toFixed(1)} s`;
  process.stderr.write(`${of.network}, seed ${of.seed}, ${method}: ${(100 * accuracy).toFixed(2)} % (${took})\n`);
}

function documentOf() {
  const order = Object.entries(METHODS).flatMap(([network, methods]) =>
    Object.entries(methods).flatMap(([name, { forms }]) => forms.map(form => `${network}: ${rowName(name, form)}`)),
  );
  const place = ({ network, method }) => order.indexOf(`${network}: ${method}`);
  const sorted = runs.filter(run => place(run) >= 0).sort((a, b) => place(a) - place(b) || a.seed - b.seed);
  return { rows: rowsOf(sorted), runs: sorted };
}

function quoted(argument) {
  return /^[\w,%./-]+$/.test(argument) ? argument : `"${argument}"`;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
