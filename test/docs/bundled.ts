/**
 * Bundles programs of users with the sources in place of the package `penjing`, for the tests of pages and examples.
 */
import { resolve } from "node:path";
import { build, type Plugin } from "esbuild";

/** The entry points of the package and their sources. */
const ENTRIES: Record<string, string> = {
  penjing: "src/index.ts",
  "penjing/run": "src/run/index.ts",
  "penjing/data": "src/data/index.ts",
  "penjing/tflite": "src/formats/tflite/index.ts",
  "penjing/report": "src/report/index.ts",
  "penjing/kernels": "src/kernels/index.ts",
};

const sources: Plugin = {
  name: "sources",
  setup(building) {
    building.onResolve({ filter: /^penjing(\/|$)/ }, ({ path }) =>
      path in ENTRIES ? { path: resolve(ENTRIES[path]!) } : { errors: [{ text: `no entry point ${path}` }] },
    );
  },
};

export const bundled = (contents: string, sourcefile: string, options: Parameters<typeof build>[0]) =>
  build({
    stdin: { contents, sourcefile, resolveDir: resolve("."), loader: "ts" },
    bundle: true,
    format: "esm",
    logLevel: "silent",
    plugins: [sources],
    ...options,
  });
