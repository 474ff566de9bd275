/**
 * npm run bench:cold [-- --json] [--count 20] [--node /path/to/node]
 *
 * Measures the time from before the `import` of penjing/run to the first answer, in a new process each time, for a file
 * on disk.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadTflite } from "../build/tflite.js";
import { NETWORKS } from "./networks.mjs";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    count: { type: "string", default: "20" },
    node: { type: "string", default: process.execPath },
    networks: { type: "string", default: Object.keys(NETWORKS).join(",") },
  },
});

/** Runs in the child: milliseconds to import, to load, to answer, and in total. */
const measured = file => `
  const began = performance.now();
  const { load } = await import(${JSON.stringify(new URL("../build/run.js", import.meta.url).href)});
  const imported = performance.now();
  const net = await load(${JSON.stringify(file)});
  const loaded = performance.now();
  const [{ shape, dtype }] = net.inputs;
  const size = shape.reduce((a, b) => a * b, 1);
  net.run(dtype === "i8" ? new Int8Array(size) : new Float32Array(size));
  const answered = performance.now();
  console.log(JSON.stringify([imported - began, loaded - imported, answered - loaded, answered - began]));
`;

const folder = mkdtempSync(join(tmpdir(), "penjing-cold-"));
try {
  const rows = [];
  for (const name of options.networks.split(",")) {
    const file = join(folder, `${name}.penjing`);
    await (await loadTflite(NETWORKS[name]().tflite)).save(file);
    const script = join(folder, "cold.mjs");
    writeFileSync(script, measured(file));
    const runs = Array.from({ length: Number(options.count) }, () =>
      JSON.parse(execFileSync(options.node, [script], { encoding: "utf8" })),
    );
    const [imported, loaded, answered, all] = [0, 1, 2, 3].map(i => median(runs.map(run => run[i])));
    rows.push({
      network: name,
      import: imported,
      load: loaded,
      answer: answered,
      all,
      least: Math.min(...runs.map(r => r[3])),
    });
  }
  const version = execFileSync(options.node, ["--version"], { encoding: "utf8" }).trim();
  if (options.json) console.log(JSON.stringify({ node: version, unit: "ms", rows }, undefined, 2));
  else {
    console.log(`node ${version}, medians of ${options.count} processes, ms`);
    console.table(Object.fromEntries(rows.map(({ network, ...times }) => [network, round(times)])));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function round(times) {
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Number(ms.toFixed(1))]));
}
