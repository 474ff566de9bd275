// TypeScript -> the JavaScript of the package. `penjing/run` becomes one small file, all other entries share chunks.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { build } from "esbuild";
import { minify } from "terser";

/** Build output without its extension -> its source. */
export const ENTRIES = {
  index: "src/index.ts",
  run: "src/run/index.ts",
  data: "src/data/index.ts",
  kernels: "src/kernels/index.ts",
  tflite: "src/formats/tflite/index.ts",
  cli: "src/cli/index.ts",
};

/**
 * Tells bundlers what may be dropped: every call at the top level of src/ops, by which tables of ops are made, is pure
 * (@__NO_SIDE_EFFECTS__ at the functions themselves does not reach the files that import them), and so are the constants of base/math.ts
 * and the rows of the kernel table, whose `...` would count as effects.
 */
const pureTables = {
  name: "pure-tables",
  setup(bundling) {
    const change = (filter, change) =>
      bundling.onLoad({ filter }, ({ path }) => ({ contents: change(readFileSync(path, "utf8")), loader: "ts" }));
    const made = /^((?:export )?const \w+ = | {2}\w+: |(?:export )?const \w+ = \{ \w+: )(?=[a-z]\w*(?:<[^>]*>)?\()/gm;
    change(/\/src\/ops\/.*\.ts$/, text => text.replace(made, "$1/* @__PURE__ */ "));
    const numbers = /^((?:export )?const [A-Z\d_]+ = )/gm;
    change(/\/src\/base\/math\.ts$/, text => text.replace(numbers, "$1/* @__PURE__ */ "));
    const rows = /^(export const \w+ = )(\{\n(?:(?!\}).*\n)*\} as const satisfies Rows);/gm;
    change(/\/src\/kernels\/table\/.*\.ts$/, text => text.replace(rows, "$1/* @__PURE__ */ (() => ($2))();"));
  },
};

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));

const OPTIONS = {
  outdir: "build",
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  mainFields: ["module", "main"],
  external: ["node:*", ...Object.keys(dependencies)],
  metafile: true,
  plugins: [pureTables],
  logLevel: "warning",
};

/** All entries but `run`. */
export async function bundleShared() {
  const { run: _, ...entries } = ENTRIES;
  const { metafile } = await build({
    ...OPTIONS,
    entryPoints: entries,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
  });
  writeFileSync("build/meta.json", JSON.stringify(metafile));
}

const BINARY = "src/kernels/load-run.ts";

/**
 * Puts the binary before all code: gzip looks back 32 kB, and the binary, in which it finds nothing, would be most of what lies between
 * one half of the code and the other (measured: 1.6 kB).
 */
const binaryFirst = {
  name: "binary-first",
  setup(bundling) {
    bundling.onResolve({ filter: new RegExp(`/${BINARY}$`) }, () => ({ path: resolve(BINARY), sideEffects: true }));
  },
};

/** `penjing/run` before it is made small: its text, and what of which source is in it. */
export async function runBundle(options = {}) {
  const { outputFiles, metafile } = await build({
    ...OPTIONS,
    ...options,
    stdin: { contents: `import "./${BINARY}";\nexport * from "./${ENTRIES.run}";`, resolveDir: "." },
    plugins: [pureTables, binaryFirst],
    write: false,
  });
  return { text: outputFiles[0].text, inputs: Object.values(metafile.outputs)[0].inputs };
}

/**
 * The names of properties that run.js may shorten: those the library's own types declare, so that no name of the engine's is among them,
 * and of these neither what a user could meet nor what could be met through a text, that is every word of every text in the bundle
 * (kernels' arguments, fields of a file, names of ops and options).
 */
async function ownNames() {
  const types = readdirSync("build/types/src", { recursive: true, encoding: "utf8" })
    .filter(file => file.endsWith(".d.ts"))
    .map(file => [file, readFileSync(`build/types/src/${file}`, "utf8")]);
  const member = /^\s+(?:readonly |static |get |set )*([A-Za-z]\w*)\??[:(<]/gm;
  const own = types.flatMap(([, declared]) => Array.from(declared.matchAll(member), ([, name]) => name));
  // all of src/run, and the files that `penjing/run` exports types of
  const index = types.find(([file]) => file === "run/index.d.ts")[1];
  const exported = Array.from(index.matchAll(/from "\.\.\/(.*)\.ts"/g), ([, file]) => `${file}.d.ts`);
  const met = types.filter(([file]) => file.startsWith("run/") || exported.includes(file)).map(([, text]) => text);
  // without templates, which may hold templates in turn, all texts are simple ones
  const { text } = await runBundle({ supported: { "template-literal": false } });
  const texts = text.match(/"(?:[^"\\\n]|\\.)*"/g).filter(literal => literal.length < 10_000);
  const kept = new Set([...met, ...texts].join(" ").match(/\w+/g));
  return new Set(own.filter(name => !kept.has(name)));
}

/**
 * Writes build/run.js: one file, which starts sooner than several, with names of its own properties shortened. The types must have been declared before.
 */
export async function bundleRun() {
  const [{ text }, names] = await Promise.all([runBundle(), ownNames()]);
  const { code } = await minify(text, {
    module: true,
    ecma: 2022,
    // no functions moved into others: those bundles of users are larger, whose bundler shortens names once more
    compress: { passes: 3, inline: 1, reduce_funcs: false, pure_getters: true },
    mangle: { properties: { keep_quoted: true, regex: new RegExp(`^(?:${[...names].join("|")})$`) } },
    // an engine that reports an error prints its line
    format: { comments: false, max_line_len: 200 },
  });
  writeFileSync("build/run.js", code);
}
