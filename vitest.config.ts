import { defineConfig } from "vitest/config";

/** `vitest run` is every fast test, `vitest run --mode slow` what takes longer than a developer waits: `*.slow.test.ts`. */
export default defineConfig(({ mode }) => ({
  test: {
    include: mode === "slow" ? ["test/**/*.slow.test.ts"] : ["test/**/*.test.ts"],
    exclude: mode === "slow" ? [] : ["test/**/*.slow.test.ts"],
    setupFiles: ["test/passes-contract.ts"],
    testTimeout: mode === "slow" ? 600_000 : 60_000,
    maxWorkers: 2,
    reporters: ["default", "./test/skipped-reporter.ts", "json"],
    outputFile: { json: `build/reports/${mode === "slow" ? "slow" : "tests"}.json` },
  },
}));
