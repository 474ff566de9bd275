/** Meanings that ops refuse, with the reasons: a list to be reviewed when it changes. */
import { expect, test } from "vitest";
import { type Refusal, refused } from "../../src/graph/meaning.ts";
import { AXES, GRADIENT, LOWER, STORED, TRAIN_LOWER, TRAITS, UNSTORED } from "../../src/ops/index.ts";

const refusalsOf = (meaning: string, table: Readonly<Record<string, object>>) =>
  Object.entries(table)
    .filter(([op, entry]) => op in TRAITS && refused(entry))
    .map(([op, entry]) => `${meaning} of ${op}: ${(entry as Refusal).refused}`)
    .sort();

test("GRADIENT, TRAIN_LOWER, AXES and UNSTORED of ops of models refuse what was agreed on", async () => {
  const all = [
    ...refusalsOf("gradient", GRADIENT),
    ...refusalsOf("lower", TRAIN_LOWER),
    ...refusalsOf("axes", AXES),
    ...refusalsOf("stored", UNSTORED),
  ];
  await expect(`${all.join("\n")}\n`).toMatchFileSnapshot("refusals.txt");
});

test("GRADIENT refuses every op of training steps without a rule of its own", () => {
  const training = Object.keys(TRAIN_LOWER).filter(op => !(op in TRAITS));
  expect(training.filter(op => op.endsWith("Gradient")).length).toBeGreaterThan(30);
  for (const op of training.filter(op => op.endsWith("Gradient")))
    expect(GRADIENT[op as keyof typeof GRADIENT], op).toSatisfy(refused);
});

test("STORED gives no number twice, and none to an op that does not run", () => {
  const numbers = Object.values(STORED).map(({ number }) => number);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(Object.keys(STORED).filter(op => !(op in LOWER))).toEqual([]);
});
