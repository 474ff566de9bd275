/** What ops refuse to mean, and why: a list to be looked at when it changes. */
import { expect, test } from "vitest";
import type { Refusal } from "../../src/graph/meaning.ts";
import { AXES, GRADIENT, TRAIN_LOWER } from "../../src/ops/index.ts";

const refusalsOf = (meaning: string, table: Record<string, object>) =>
  Object.entries(table)
    .filter(([, entry]) => "refused" in entry)
    .map(([op, entry]) => `${meaning} of ${op}: ${(entry as Refusal).refused}`)
    .sort();

test("what ops refuse is what was agreed on", async () => {
  const all = [...refusalsOf("gradient", GRADIENT), ...refusalsOf("lower", TRAIN_LOWER), ...refusalsOf("axes", AXES)];
  await expect(`${all.join("\n")}\n`).toMatchFileSnapshot("refusals.txt");
});
