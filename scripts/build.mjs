// npm run build: kernel table -> interpreters -> WebAssembly -> binaries as text -> JavaScript and types, all into
// build/. `node scripts/build.mjs wasm` stops before the JavaScript; names after it (run-simd ...) choose targets of
// asconfig.json.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { bundleRun, bundleShared, ENTRIES } from "./bundle.mjs";
import { pack } from "./pack.mjs";

/** Targets of asconfig.json -> their sources. */
const TARGETS = {
  "boot-simd": "assembly/boot.ts",
  bits: "assembly/bits.ts",
  "probe-relaxed": "assembly/probe.ts",
  "run-simd": "build/assembly/run.ts",
  "run-relaxed": "build/assembly/run.ts",
  "train-simd": "build/assembly/train.ts",
  "train-relaxed": "build/assembly/train.ts",
};
/** The variants of a binary, the one that most engines take first: it is unpacked without the other. */
const VARIANTS = { run: ["relaxed", "simd"], train: ["simd", "relaxed"] };
const CACHE = "node_modules/.cache/penjing";
/** The outputs of a compilation; the text is for tests, which look at inner loops. */
const KINDS = [".wasm", ".wat", ".d.ts"];

const [goal = "all", ...chosen] = process.argv.slice(2);
const started = performance.now();

mkdirSync(CACHE, { recursive: true });
await interpreters();
const targets = Object.keys(TARGETS);
const unknown = chosen.filter(target => !targets.includes(target));
if (unknown.length) throw new Error(`no target ${unknown.join(", ")}; there are ${targets.join(", ")}`);
await compileAll(chosen.length ? chosen : targets);
if (!chosen.length) embed();
if (goal === "all") {
  for (const old of ["chunks", "types", ...Object.keys(ENTRIES).map(name => `${name}.js`)])
    rmSync(`build/${old}`, { recursive: true, force: true });
  declare();
  await bundleShared();
  await bundleRun();
  chmodSync("build/cli.js", 0o755);
}
console.error(`built in ${((performance.now() - started) / 1000).toFixed(1)} s`);

async function interpreters() {
  const outfile = "build/scripts/generate.js";
  await build({
    entryPoints: ["scripts/generate.ts"],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile,
    logLevel: "error",
  });
  execFileSync(process.execPath, [outfile], { stdio: "inherit" });
}

/** Two compilers at a time, each a process of its own: the compiler itself uses one core. */
async function compileAll(targets) {
  const waiting = [...targets];
  const worker = async () => {
    for (let target = waiting.shift(); target; target = waiting.shift()) await compile(target);
  };
  await Promise.all([worker(), worker()]);
}

/**
 * Compiles one target, unless its sources are unchanged; every compilation is kept for other checkouts that share
 * node_modules.
 */
async function compile(target) {
  const source = TARGETS[target];
  const output = outputOf(target);
  const kept = `${CACHE}/${target}-${hashOf(source)}`;
  if (!KINDS.every(kind => existsSync(`${kept}${kind}`))) {
    const partial = `${kept}.${process.pid}`;
    const asc = spawn(
      process.execPath,
      [
        "node_modules/assemblyscript/bin/asc.js",
        source,
        "--target",
        target,
        "--outFile",
        `${partial}.wasm`,
        "--textFile",
        `${partial}.wat`,
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
    const [code] = await once(asc, "exit");
    if (code) process.exit(1);
    for (const kind of KINDS) renameSync(`${partial}${kind}`, `${kept}${kind}`);
    rmSync(`${partial}.js`, { force: true });
  }
  mkdirSync("build/wasm", { recursive: true });
  for (const kind of KINDS) copyFileSync(`${kept}${kind}`, `${output}${kind}`);
}

function outputOf(target) {
  return `build/wasm/${target.replace("-", ".")}`;
}

/** Hashes everything a binary is made of: its sources, found by their imports, and the compiler with its options. */
function hashOf(source) {
  const files = new Set(["asconfig.json", "node_modules/assemblyscript/package.json"]);
  const follow = file => {
    if (files.has(file)) return;
    files.add(file);
    for (const [, path] of readFileSync(file, "utf8").matchAll(/from "(\.[^"]+)"/g))
      follow(`${join(dirname(file), path)}.ts`);
  };
  follow(source);
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(readFileSync(file));
  return hash.digest("hex").slice(0, 24);
}

/**
 * Writes the binaries as text (docs/packing.md): unpacked ones in hexadecimal, which is shortest under gzip, the others
 * in the order in which a page needs them. JavaScript calls only their interpreters; in build/wasm/ they also export
 * their kernels, for tests.
 */
function embed() {
  const read = target => readFileSync(`${outputOf(target)}.wasm`);
  const write = (file, constants) => {
    const lines = Object.entries(constants).map(([name, value]) => `export const ${name} = ${value};\n`);
    writeFileSync(`build/${file}.ts`, `// Generated by scripts/build.mjs.\n${lines.join("")}`);
  };
  const boot = read("boot-simd");
  write("boot-binaries", {
    "boot: string": `"${boot.toString("hex")}"`,
    "bits: string": `"${read("bits").toString("hex")}"`,
    "probe: string": `"${read("probe-relaxed").toString("hex")}"`,
  });
  const binaries = Object.entries(VARIANTS);
  const modules = binaries.flatMap(([binary, variants]) => variants.map(variant => read(`${binary}-${variant}`)));
  const packed = pack(boot, modules, ["run"]);
  for (const [binary, variants] of binaries) {
    const parts = packed.splice(0, variants.length);
    const places = parts.map(({ from, to }, i) => `${variants[i]}: [${from}, ${to}]`);
    write(`${binary}-binaries`, {
      "packed: string": `"${parts.map(({ text }) => text).join("")}"`,
      'variants: Record<"simd" | "relaxed", [from: number, to: number]>': `{ ${places.join(", ")} }`,
    });
  }
}

function declare() {
  const tsc = "node_modules/typescript/bin/tsc";
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" });
}
