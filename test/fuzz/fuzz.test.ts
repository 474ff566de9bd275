/** Hostile files with fixed seeds, as many as take seconds: `npm run fuzz` runs more. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { published, sources } from "./library.ts";
import { trial } from "./trial.ts";

/** The faults of trials `from` .. `to` - 1, each with its seed. */
async function faultsOf(library: Awaited<ReturnType<typeof sources>>, from: number, to: number) {
  const faults: string[] = [];
  const read = { networks: 0, refused: 0 };
  for (let seed = from; seed < to; seed++) {
    const { refused, faults: found } = await trial(seed, library);
    if (refused === undefined) read.networks++;
    else read.refused++;
    faults.push(...found.map(({ kind, what }) => `seed ${seed}, ${kind}: ${what}`));
  }
  return { faults, read };
}

test("trial: load, loadTflite and readIdx of 400 hostile files", async () => {
  const { faults, read } = await faultsOf(await sources(), 0, 400);
  expect(faults).toEqual([]);
  // the generator makes both valid and invalid files
  expect(read.networks).toBeGreaterThan(150);
  expect(read.refused).toBeGreaterThan(80);
});

test.runIf(existsSync("build/run.js"))("the published bundles say the same of 200 of them as the sources", async () => {
  const { faults } = await faultsOf(await published(new URL("../../build", import.meta.url).href), 400, 600);
  expect(faults).toEqual([]);
});
