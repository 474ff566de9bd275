import type { Reporter, TestModule } from "vitest/node";

/** Counts the tests that did not run, and names them: a skipped test must not look like one that passed. */
export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap(module => [...module.children.allTests("skipped")].map(test => test.fullName));
    console.log(`skipped tests: ${skipped.length}${skipped.map(name => `\n  ${name}`).join("")}`);
  }
}
