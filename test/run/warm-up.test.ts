import { expect, test } from "vitest";
import { dense, sequential } from "../../src/model/index.ts";
import { Net } from "../../src/run/net.ts";
import { warmUp } from "../../src/run/warm-up.ts";

const graph = sequential([dense({ units: 3, inputShape: [4] })]).graph;
const image = Float32Array.of(1, -2, 3, 0.5);

test("so many runs, none of them before the caller goes on", async () => {
  let runs = 0;
  const done = warmUp(() => runs++, 1000);
  expect(runs).toBe(0);
  await done;
  expect(runs).toBe(1000);
});

test("until runs no longer become faster", async () => {
  let runs = 0;
  await warmUp(() => {
    runs++;
    const end = performance.now() + 0.2;
    while (performance.now() < end);
  }, true);
  // at least as many slices as its patience
  expect(runs).toBeGreaterThan(20);
});

test("others have their turn between slices", async () => {
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

test("a network answers the same before, during and after", async () => {
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

test("without it, a network is as warm as it will be unasked", async () => {
  await expect((await Net.create(graph)).warm).resolves.toBeUndefined();
  await expect((await Net.create(graph, { warmUp: false })).warm).resolves.toBeUndefined();
  await expect((await Net.create(graph, { warmUp: true })).warm).resolves.toBeUndefined();
});

test("what it is given must be a switch or a number of runs", async () => {
  await expect(Net.create(graph, { warmUp: -1 })).rejects.toThrow('"warmUp" expected integer >= 0, got -1');
  await expect(Net.create(graph, { warmUp: "yes" as never })).rejects.toThrow('"warmUp" expected');
});
