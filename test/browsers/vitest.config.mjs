// npm run verify:browsers: the tests of kernels, networks and training that Node runs, the same files, in Chromium and in
// Firefox.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { inBrowsers } from "./puppeteer.mjs";

const SUITES = "{fuzz,kernels,ops,plan,run,graph,passes,formats,compress,container,model,models,report,train}";

/** Suites that run in Node alone, with the reason. */
const IN_NODE_ALONE = {
  "test/container/container.test.ts": "writes files",
  "test/container/save-file.test.ts": "writes files",
  "test/fuzz/fuzz.test.ts": "reads hundreds of hostile files, and the built bundles",
  "test/formats/tflite/damage.test.ts": "reads thousands of damaged files, whatever the engine",
  "test/kernels/binaries.test.ts": "reads the compiler's text, whatever the engine",
  "test/kernels/load-in-node.test.ts": "starts other Nodes",
  "test/model/going-on.test.ts": "writes files",
  "test/model/model.test.ts": "writes files",
  "test/report/missing.test.ts": "takes packages away",
  "test/run/budget.test.ts": "measures the memory of the process",
  "test/run/bundle.test.ts": "is about the built file, which test/package/ has in browsers",
  "test/run/memory.test.ts": "starts other Nodes",
  "test/train/named.test.ts": "writes to the terminal",
};

const root = fileURLToPath(new URL("../..", import.meta.url));
for (const file of Object.keys(IN_NODE_ALONE)) if (!existsSync(root + file)) throw new Error(`there is no ${file}`);

/** Serves the requests of test/browsers/files.ts: the bytes of a file, the names in a folder. */
const servesFiles = {
  name: "serves-files",
  configureServer({ middlewares }) {
    middlewares.use("/files/", (request, response) => {
      const path = root + decodeURIComponent(request.url.slice(1));
      if (!existsSync(path)) response.writeHead(404).end("no such file");
      else response.end(statSync(path).isDirectory() ? JSON.stringify(readdirSync(path)) : readFileSync(path));
    });
  },
};

export default defineConfig({
  root,
  cacheDir: "build/browsers",
  plugins: [servesFiles],
  // vitest would find them only when a test imports them, and reload the page in the middle of a test
  optimizeDeps: { include: ["@observablehq/plot", "fast-check", "flatbuffers"] },
  resolve: { alias: { "node:fs": `${root}test/browsers/files.ts` } },
  test: {
    include: [`test/${SUITES}/**/*.test.ts`],
    exclude: ["test/**/*.slow.test.ts", ...Object.keys(IN_NODE_ALONE)],
    setupFiles: ["test/passes-contract.ts"],
    isolate: false, // one page for all suites of a browser: measured 43 s of processor time instead of 105
    testTimeout: 120_000,
    reporters: ["minimal", "./test/browsers/counts.mjs", "json"],
    outputFile: { json: "build/reports/browsers.json" },
    browser: {
      enabled: true,
      headless: true,
      ui: false,
      screenshotFailures: false,
      provider: inBrowsers,
      instances: [{ browser: "chrome", name: "chromium" }, { browser: "firefox" }],
    },
  },
});
