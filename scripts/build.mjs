// npm run build: kernel table -> interpreters -> WebAssembly -> binaries as text -> JavaScript and types, all into build/.
// `node scripts/build.mjs wasm` stops before the JavaScript; names after it (run-simd ...) choose targets of asconfig.json.
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
import { constants, deflateRawSync } from "node:zlib";
import { build } from "esbuild";

const BINARIES = {
  probe: { source: "assembly/probe.ts", deflated: false }, // needed before anything asynchronous can run
  run: { source: "build/assembly/run.ts", deflated: true },
  train: { source: "build/assembly/train.ts", deflated: true },
};
const CACHE = "node_modules/.cache/penjing";
/** What a compilation gives: the text is for tests, which look at inner loops. */
const KINDS = [".wasm", ".wat", ".d.ts"];
const VARIANTS = ["simd", "relaxed"];

/** Build output without its extension -> its source. */
const ENTRIES = {
  index: "src/index.ts",
  run: "src/run/index.ts",
  data: "src/data/index.ts",
  kernels: "src/kernels/index.ts",
  tflite: "src/formats/tflite/index.ts",
  cli: "src/cli/index.ts",
};

/**
 * Tells bundlers that what tables of ops are made by may be dropped with its table: every call at the top level of src/ops is pure.
 * (@__NO_SIDE_EFFECTS__ at the functions themselves does not reach the files that import them.)
 */
const pureTables = {
  name: "pure-tables",
  setup(bundling) {
    const made = /^((?:export )?const \w+ = | {2}\w+: |(?:export )?const \w+ = \{ \w+: )(?=[a-z]\w*(?:<[^>]*>)?\()/gm;
    bundling.onLoad({ filter: /\/src\/ops\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(made, "$1/* @__PURE__ */ "),
      loader: "ts",
    }));
  },
};

const [goal = "all", ...chosen] = process.argv.slice(2);
const started = performance.now();

mkdirSync(CACHE, { recursive: true });
await interpreters();
const targets = Object.keys(BINARIES).flatMap(binary => VARIANTS.map(variant => `${binary}-${variant}`));
const unknown = chosen.filter(target => !targets.includes(target));
if (unknown.length) throw new Error(`no target ${unknown.join(", ")}; there are ${targets.join(", ")}`);
await compileAll(chosen.length ? chosen : targets);
if (!chosen.length) for (const binary of Object.keys(BINARIES)) embed(binary);
if (goal === "all") {
  for (const old of ["chunks", "types", "licenses", ...Object.keys(ENTRIES).map(name => `${name}.js`)])
    rmSync(`build/${old}`, { recursive: true, force: true });
  await bundle();
  declare();
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

/** Compiles one target, unless what it is made of is as it was; every compilation is kept, for other checkouts that share node_modules. */
async function compile(target) {
  const source = BINARIES[target.split("-")[0]].source;
  const output = `build/wasm/${target.replace("-", ".")}`;
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

/** Of all that a binary is made of: its sources, by following imports, and the compiler with its options. */
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
 * The plain variant, deflated, then base64 (plain base64 of a binary costs 1.3 to 1.9 times as much under gzip);
 * of the relaxed one only what differs, since most kernels are the same and lie too far apart for deflate to see it:
 * measured on the running binary, 27 kB under gzip for both instead of 45.
 */
function embed(binary) {
  const { deflated } = BINARIES[binary];
  const [plain, relaxed] = VARIANTS.map(variant => readFileSync(`build/wasm/${binary}.${variant}.wasm`));
  const text = bytes => {
    const packed = deflated ? deflateRawSync(bytes, { level: constants.Z_BEST_COMPRESSION }) : bytes;
    return JSON.stringify(packed.toString("base64"));
  };
  const lines = deflated
    ? [`simd: string =\n  ${text(plain)}`, `relaxedFromSimd: string =\n  ${text(difference(plain, relaxed))}`]
    : [`simd: string =\n  ${text(plain)}`, `relaxed: string =\n  ${text(relaxed)}`];
  const kind = deflated ? "WebAssembly, deflated, then base64" : "WebAssembly as base64";
  const exported = lines.map(line => `export const ${line};\n`).join("");
  writeFileSync(`build/${binary}-binaries.ts`, `// Generated by scripts/build.mjs: ${kind}.\n${exported}`);
}

/**
 * `to` told by `from`: pairs of bytes to insert and a stretch of `from` to copy, until `to` is whole.
 *
 *     varint inserted | the inserted bytes | varint copied | varint where in `from`, from where the last copy ended (zigzag) | ...
 *
 * Greedy: copies go on where the last one ended if they can, else at the longest of the places that begin alike.
 */
function difference(from, to) {
  const LEAST = 8;
  const key = (bytes, at) => bytes.toString("latin1", at, at + LEAST);
  const places = new Map();
  for (let at = 0; at + LEAST <= from.length; at++) {
    const list = places.get(key(from, at));
    if (list) list.push(at);
    else places.set(key(from, at), [at]);
  }
  const alike = (a, b) => {
    let n = 0;
    while (a + n < from.length && b + n < to.length && from[a + n] === to[b + n]) n++;
    return n;
  };
  const out = [];
  const varint = n => {
    for (; n > 127; n >>>= 7) out.push((n & 127) | 128);
    out.push(n);
  };
  let inserted = 0;
  let expected = 0;
  const step = (start, copied, at) => {
    varint(at - start);
    out.push(...to.subarray(start, at));
    varint(copied.length);
    varint(copied.from >= expected ? (copied.from - expected) * 2 : (expected - copied.from) * 2 - 1);
    expected = copied.from + copied.length;
  };
  for (let at = 0; at < to.length; ) {
    // what was replaced is mostly as long as what replaces it, so the copy goes on that much later
    const onward = expected + (at - inserted);
    const candidates = [onward, ...(places.get(key(to, at)) ?? [])].map(place => ({
      from: place,
      length: alike(place, at),
    }));
    const best = candidates.reduce((a, b) => (b.length > a.length + LEAST ? b : a));
    if (best.length < LEAST) at++;
    else {
      step(inserted, best, at);
      at += best.length;
      inserted = at;
    }
  }
  step(inserted, { from: expected, length: 0 }, to.length);
  return Buffer.from(out);
}

async function bundle() {
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const { metafile } = await build({
    entryPoints: Object.fromEntries(Object.entries(ENTRIES).filter(([, source]) => existsSync(source))),
    outdir: "build",
    bundle: true,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["node:*", ...Object.keys(dependencies)],
    metafile: true,
    plugins: [pureTables],
    logLevel: "warning",
  });
  writeFileSync("build/meta.json", JSON.stringify(metafile));
  if (existsSync("build/cli.js")) chmodSync("build/cli.js", 0o755);
  // the one package whose code is bundled
  mkdirSync("build/licenses", { recursive: true });
  copyFileSync("node_modules/assemblyscript/LICENSE", "build/licenses/assemblyscript-loader.txt");
}

function declare() {
  const tsc = "node_modules/typescript/bin/tsc";
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" });
}
