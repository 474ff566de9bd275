// A reporter for vitest: prints on stderr which suite has run, and at the end the numbers of passed, failed and skipped
// tests in each browser.

export default class Counts {
  #done = 0;
  #suites = 0;

  onTestRunStart(specifications) {
    this.#suites = specifications.length;
  }

  onTestModuleEnd(module) {
    const { passed, failed, skipped } = count([module]);
    const milliseconds = Math.round(module.diagnostic().duration);
    const suite = `${++this.#done}/${this.#suites} ${module.project.name} ${module.relativeModuleId}`;
    console.error(`${suite}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${milliseconds} ms`);
  }

  onTestRunEnd(modules) {
    for (const browser of new Set(modules.map(module => module.project.name))) {
      const ran = modules.filter(module => module.project.name === browser);
      const { passed, failed, skipped } = count(ran);
      console.log(`${browser}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${ran.length} suites`);
    }
    // a suite whose tests never ran must not look like one that passed
    const idle = modules.filter(module => count([module]).passed + count([module]).failed === 0);
    for (const module of idle) console.error(`${module.project.name} ran no test of ${module.relativeModuleId}`);
    if (idle.length) process.exitCode = 1;
  }
}

function count(modules) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) for (const test of module.children.allTests()) counts[test.result().state]++;
  return counts;
}
