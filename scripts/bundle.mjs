// TypeScript -> the JavaScript of the package. `penjing/run` becomes one small file, all other entries share chunks.
import { readFileSync, writeFileSync } from "node:fs";
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
  report: "src/report/index.ts",
  cli: "src/cli/index.ts",
};

const { dependencies, peerDependencies } = JSON.parse(readFileSync("package.json", "utf8"));

const OPTIONS = {
  outdir: "build",
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  mainFields: ["module", "main"],
  external: ["node:*", ...Object.keys({ ...dependencies, ...peerDependencies })],
  metafile: true,
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

/**
 * The beginning of the bundle. The binary stands before all code: gzip looks back 32 kB, and the binary, in which it
 * finds nothing, would be most of what lies between one half of the code and the other (measured: 1.6 kB). Then all
 * ops, which resemble each other, with nothing but what they need between them (0.2 kB).
 */
const FIRST = ["src/kernels/load-run.ts", "build/op-tables.ts"];

/** Keeps what is imported for its place alone. */
const inPlace = {
  name: "in-place",
  setup(bundling) {
    bundling.onResolve({ filter: /^first:/ }, ({ path }) => ({ path: resolve(path.slice(6)), sideEffects: true }));
  },
};

/** `penjing/run` before it is made small: its text, and what of which source is in it. */
export async function runBundle() {
  const { outputFiles, metafile } = await build({
    ...OPTIONS,
    stdin: {
      contents: [...FIRST.map(file => `import "first:${file}";`), `export * from "./${ENTRIES.run}";`].join("\n"),
      resolveDir: ".",
    },
    plugins: [inPlace],
    write: false,
  });
  return { text: outputFiles[0].text, inputs: Object.values(metafile.outputs)[0].inputs };
}

/** Writes build/run.js: one file, which starts sooner than several. */
export async function bundleRun() {
  const { text } = await runBundle();
  const { code } = await minify(text, {
    module: true,
    ecma: 2022,
    // no functions moved into others: those bundles of users are larger, whose bundler shortens names once more
    compress: { passes: 3, inline: 1, reduce_funcs: false },
    // an engine that reports an error prints its line; shorter ones cost 0.6 kB under gzip
    format: { comments: false, max_line_len: 2000 },
  });
  writeFileSync("build/run.js", code);
}
