import { expect, test } from "vitest";
import { dense, sequential } from "../../src/model/index.ts";
import { Net } from "../../src/run/net.ts";
import { warmUp } from "../../src/run/warm-up.ts";

const graph = sequential([dense({ units: 3, inputShape: [4] })]).graph;
const image = Float32Array.of(1, -2, 3, 0.5);

test("warmUp: a number of runs, none of them before the caller continues", async () => {
  let runs = 0;
  const done = warmUp(() => runs++, 1000);
  expect(runs).toBe(0);
  await done;
  expect(runs).toBe(1000);
});

test("warmUp: until runs no longer become faster", async () => {
  let runs = 0;
  await warmUp(() => {
    runs++;
    const end = performance.now() + 0.2;
    while (performance.now() < end);
  }, true);
  // at least as many slices as its patience
  expect(runs).toBeGreaterThan(20);
});

test("warmUp: others have their turn between slices", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const slow = () => {
    const end = performance.now() + 3;
    while (performance.now() < end);
  };
  await warmUp(slow, 10);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
});

test("warmUp: a network gives the same before, during and after", async () => {
  const expected = (await Net.create(graph)).predict(image);
  const net = await Net.create(graph, { warmUp: 5000 });
  let done = false;
  const warm = net.warm.then(() => {
    done = true;
  });
  const answers: Float32Array[] = [];
  while (!done) {
    answers.push(net.predict(image));
    await new Promise(resolve => setTimeout(resolve));
  }
  await warm;
  answers.push(net.predict(image));
  expect(answers.length).toBeGreaterThan(2);
  for (const answer of answers) expect(answer).toEqual(expected);
});

test("Net: without warmUp, warm resolves immediately", async () => {
  await expect((await Net.create(graph)).warm).resolves.toBeUndefined();
  await expect((await Net.create(graph, { warmUp: false })).warm).resolves.toBeUndefined();
  await expect((await Net.create(graph, { warmUp: true })).warm).resolves.toBeUndefined();
});

test("warmUp must be a switch or a number of runs", async () => {
  await expect(Net.create(graph, { warmUp: -1 })).rejects.toThrow('"warmUp" expected integer >= 0, got -1');
  await expect(Net.create(graph, { warmUp: "yes" as never })).rejects.toThrow('"warmUp" expected');
});
