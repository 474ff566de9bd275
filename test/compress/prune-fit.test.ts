/** Models that are pruned by their `fit`: criteria, masks of tfmot, and the place of a schedule from fit to fit. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import {
  automatedGradualPruning,
  type CriterionName,
  constantSparsity,
  oneShot,
  type PruneLowMagnitudeOptions,
  type PruneOptions,
  polynomialDecay,
  prune,
  pruneLowMagnitude,
  sparsity,
} from "../../src/compress/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import {
  batchNormalization,
  conv2d,
  dense,
  depthwiseConv2d,
  flatten,
  type Model,
  sequential,
} from "../../src/model/index.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.ts";
import { adam, sgd } from "../../src/train/optimizers.ts";

const network = (): Model =>
  sequential(
    [
      conv2d({ filters: 4, kernelSize: 3, inputShape: [6, 6, 2], activation: "relu" }),
      batchNormalization(),
      depthwiseConv2d({ kernelSize: 2 }),
      flatten(),
      dense({ units: 4 }),
    ],
    { seed: 2 },
  );

function noise(rows: number, shape = [6, 6, 2], classes = 4): Dataset {
  const random = new Random(5);
  return new Dataset({
    x: Float32Array.from({ length: rows * shape.reduce((a, b) => a * b) }, () => random.normal()),
    shape,
    labels: Array.from({ length: rows }, () => random.integer(classes)),
  });
}

const data = noise(64);
const zerosOf = (m: Model) => sparsity(m).tensors.map(t => t.zeros);
const masksOf = (m: Model) =>
  m.graph.leaves.filter(v => v.role === "mask").map(v => Array.from(v.data as Float32Array).join(""));
const states = (m: Model) => m.graph.leaves.filter(v => v.leaf === "state").map(v => [v.name, v.data]);

describe("prune", () => {
  test.each<CriterionName>(["magnitude", "taylor", "snip", "movement", "lamp", "random"])(
    "by %s has exactly the sparsity asked for after the last update",
    async criterion => {
      const schedule = automatedGradualPruning({ finalSparsity: 0.7, frequency: 3, endStep: 14, beginStep: 2 });
      const pruned = prune(network(), { schedule, criterion, scope: "layer" });
      const { history } = await pruned.fit(data, { batchSize: 8, epochs: 2 });
      // 72, 16 and 144 weights: round(0.3 n) of each stay
      expect(zerosOf(pruned)).toEqual([50, 11, 101]);
      expect(history.sparsity![1]).toBeCloseTo(162 / 232, 12);
      expect(zerosOf(pruned.bake())).toEqual(zerosOf(pruned));
      const x = noise(5).images as Float32Array;
      expect(await pruned.bake().predict(x)).toEqual(await pruned.predict(x));
    },
  );

  test("of the whole network compares its kernels, and keeps one weight of each at least", async () => {
    const schedule = oneShot({ targetSparsity: 0.9, step: 5 });
    const pruned = prune(network(), { schedule, criterion: "taylor", scope: "global" });
    await pruned.fit(data, { batchSize: 8, optimizer: sgd(0.1) });
    expect(sparsity(pruned)).toMatchObject({ weights: 232, zeros: 209 });
    for (const { sparsity: share } of sparsity(pruned).tensors) expect(share).toBeLessThan(1);
  });

  test("of filters, blocks and { n, m } prunes these together", async () => {
    const pruned = async (options: PruneOptions) => {
      const made = prune(network(), { schedule: oneShot({ targetSparsity: 0.5, step: 3 }), ...options });
      await made.fit(data, { batchSize: 8 });
      return made;
    };
    const filters = await pruned({ granularity: "filter", layers: ["conv2d"] });
    const [mask] = masksOf(filters);
    expect(mask!.match(/.{18}/g)!.map(m => new Set(m).size)).toEqual([1, 1, 1, 1]);
    expect(zerosOf(filters)).toEqual([36, 0, 0]);
    const patterns = await pruned({ granularity: { n: 1, m: 2 }, criterion: "taylor", layers: ["dense"] });
    expect(
      masksOf(patterns)[0]!
        .match(/../g)!
        .every(pair => pair === "01" || pair === "10"),
    ).toBe(true);
    const blocks = await pruned({ granularity: [4, 2], pooling: "max", layers: ["dense"] });
    expect(zerosOf(blocks)).toEqual([0, 0, 72]);
    const [bits] = masksOf(blocks);
    const at = (filter: number, from: number) => bits!.slice(filter * 36 + from, filter * 36 + from + 4);
    for (let from = 0; from < 36; from += 4)
      for (const filter of [0, 2]) expect(new Set(at(filter, from) + at(filter + 1, from)).size).toBe(1);
  });

  test("by movement lets weights come back that move away from zero under their mask", async () => {
    const schedule = constantSparsity({ targetSparsity: 0.5, beginStep: 2, frequency: 2 });
    const pruned = prune(network(), { schedule, criterion: "movement" });
    const seen: string[][] = [];
    const callbacks = [{ onEpochEnd: () => void seen.push(masksOf(pruned)) }];
    await pruned.fit(data, { batchSize: 8, epochs: 4, callbacks, optimizer: sgd(0.2) });
    const back = seen[3]!
      .join("")
      .split("")
      .filter((bit, i) => bit === "1" && seen[0]!.join("")[i] === "0");
    expect(back.length).toBeGreaterThan(0);
    expect(sparsity(pruned).sparsity).toBe(0.5);
  });

  test("by a threshold prunes what is less, at every update", async () => {
    const pruned = prune(network(), { threshold: 0.1, frequency: 4, layers: ["dense"] });
    await pruned.fit(data, { batchSize: 8, epochs: 2, optimizer: sgd(0.05) });
    const weights = [...pruned.getWeights()["dense/kernel"]!.data];
    expect(weights.filter(w => w === 0).length).toBeGreaterThan(20);
    const named = prune(network(), { criterion: "threshold", threshold: 0.1, frequency: 4, layers: ["dense"] });
    await named.fit(data, { batchSize: 8, epochs: 2, optimizer: sgd(0.05) });
    expect(states(named)).toEqual(states(pruned));
  });

  test("by magnitude does the same as pruneLowMagnitude, to the byte", async () => {
    const schedule = polynomialDecay({ initialSparsity: 0.2, finalSparsity: 0.8, endStep: "60%", frequency: 2 });
    const made = [
      prune(network(), { schedule, layers: ["conv2d", "dense"] }),
      pruneLowMagnitude(network(), { schedule }),
      pruneLowMagnitude(network(), { schedule, blockSize: [1, 1], blockPoolingType: "MAX" }),
    ];
    for (const model of made) await model.fit(data, { batchSize: 8, epochs: 2 });
    expect(states(made[1]!)).toEqual(states(made[0]!));
    expect(states(made[2]!)).toEqual(states(made[0]!));
  });

  test("is a row of the model's report, with its options", () => {
    const schedule = oneShot({ targetSparsity: 0.5 });
    const { rows } = prune(network(), { schedule, scope: "global" }).report;
    expect(rows.map(row => row.step)).toEqual(["float", "prune"]);
    expect(rows[1]!.options).toMatchObject({ scope: "global", schedule: { name: "oneShot" } });
  });

  test("by snip prunes before the second step, unless a schedule says otherwise", async () => {
    const pruned = prune(network(), { criterion: "snip" });
    const seen: string[][] = [];
    const hook = { next: (step: number) => step, act: () => void seen.push(masksOf(pruned)) };
    await pruned.fit(data, { batchSize: 32, epochs: 2, hooks: [hook] });
    expect(sparsity(pruned)).toMatchObject({ weights: 232, zeros: 116 });
    expect(seen[2]).toEqual(masksOf(pruned));
  });

  test.each<[PruneOptions, string]>([
    [{ schedule: 0.5 as never }, 'prune: "schedule" expected constantSparsity(...)'],
    [{ threshold: 0.1, schedule: oneShot({ targetSparsity: 0.5 }) }, '"schedule" expected nothing beside a threshold'],
    [{ criterion: "threshold" }, '"threshold" expected a number, with criterion "threshold", got undefined'],
    [{ frequency: 10 }, '"frequency" expected nothing without a threshold: it belongs to the schedule, got 10'],
    [
      { granularity: { n: 2, m: 4 } },
      '"granularity" expected an m that divides the 18 weights of each filter of layer "conv2d", got 4',
    ],
    [
      { granularity: [64, 4] },
      '"granularity" expected blocks smaller than the kernel of layer "conv2d", which is 18x4 as a matrix, got 64x4',
    ],
    [{ seed: 3 }, '"seed" expected nothing but with criterion "random", got 3'],
    [{ sparsity: 0.5 } as never, '"prune" has no option "sparsity"'],
    [
      { layers: ["flatten"] },
      '"layers" expected layers that can be pruned (conv2d, depthwiseConv2d, dense), got "flatten"',
    ],
  ])("refuses %o", (options, message) => {
    expect(() => prune(network(), options)).toThrow(message);
  });

  test("refuses from fit what can do nothing, or not what is asked", async () => {
    const fit = (options: PruneOptions) => prune(network(), options).fit(data, { batchSize: 8 });
    await expect(fit({ threshold: 0.1 })).rejects.toThrow(
      '"frequency" expected one that prunes within steps 1..8 of this training, ' +
        'got "threshold (threshold 0.1, beginStep 0, endStep -1, frequency 100)": a smaller "frequency"',
    );
    await expect(fit({ criterion: "taylor", schedule: oneShot({ targetSparsity: 0.5 }) })).rejects.toThrow(
      '"schedule" expected one whose first update is at step 2 or later, ' +
        'as criterion "taylor" gathers its scores in the steps before, got "an update at step 1"',
    );
    const schedule = oneShot({ targetSparsity: 0.8, step: 3 });
    await expect(fit({ granularity: { n: 1, m: 2 }, schedule })).rejects.toThrow(
      '"schedule" expected sparsities of at most 0.5, which { n, m } allows, got 0.8',
    );
  });

  test("in a loop of single steps gathers scores too", async () => {
    const schedule = oneShot({ targetSparsity: 0.5, step: 4 });
    const pruned = prune(network(), { schedule, criterion: "taylor" });
    const zeros: number[] = [];
    for (const { x, y } of data.batch(8)) {
      await pruned.trainStep(x, y, { steps: 8 });
      zeros.push(sparsity(pruned).zeros);
    }
    expect(zeros).toEqual([0, 0, 0, 116, 116, 116, 116, 116]);
  });
});

describe("scheduleDuring: the place of a schedule", () => {
  const schedule = polynomialDecay({
    initialSparsity: 0.1,
    finalSparsity: 0.8,
    endStep: 22,
    frequency: 3,
    beginStep: 2,
  });
  const first = { batchSize: 8, optimizer: adam(0.01), epochs: 1 };
  const second = { batchSize: 8, optimizer: sgd(0.05), epochs: 3, initialEpoch: 1, seed: 3 };

  test.each<CriterionName>(["magnitude", "taylor", "movement"])(
    "is in checkpoints: by %s, a resumed second fit goes on as one that never stopped",
    async criterion => {
      const made = () => prune(network(), { schedule, criterion });
      const whole = made();
      await whole.fit(data, first);
      await whole.fit(data, second);
      expect(zerosOf(whole)).toEqual([58, 13, 115]);

      const half = made();
      await half.fit(data, first);
      const abort = new AbortController();
      const callbacks = [{ onBatchEnd: (batch: number) => void (batch === 4 && abort.abort()) }];
      await expect(half.fit(data, { ...second, callbacks, signal: abort.signal })).rejects.toThrow();
      expect(half.checkpoint).toMatchObject({ step: 5, epoch: 1, batch: 5 });
      const resume = readCheckpoint(writeCheckpoint(half.checkpoint!));

      const rest = made();
      await rest.fit(data, { ...second, resume });
      expect(states(rest)).toEqual(states(whole));
    },
  );

  test("goes on in a clone, and after a restart", async () => {
    const [whole, part] = [pruneLowMagnitude(network(), { schedule }), pruneLowMagnitude(network(), { schedule })];
    for (const epoch of [0, 1, 2]) await whole.fit(data, { ...first, restart: true, seed: epoch });
    await part.fit(data, { ...first, seed: 0 });
    const twin = part.clone();
    for (const epoch of [1, 2]) await twin.fit(data, { ...first, restart: true, seed: epoch });
    expect(masksOf(twin)).toEqual(masksOf(whole));
    expect(states(twin)).toEqual(states(whole));
  });

  test("in shares of the training is of all fits so far and this one", async () => {
    const shares = polynomialDecay({ initialSparsity: 0, finalSparsity: 0.5, endStep: "50%", frequency: 2 });
    const pruned = prune(network(), { schedule: shares });
    await pruned.fit(data, { ...first, epochs: 2 });
    expect(sparsity(pruned).sparsity).toBe(0.5);
  });
});

describe("pruneLowMagnitude", () => {
  interface Vector {
    weights: { shape: number[]; data: number[] };
    sparsity: number;
    blockSize: [number, number];
    blockPooling: "AVG" | "MAX";
    mByN: [number, number] | null;
    mask: { data: number[] };
  }
  const vectors: Record<string, Vector> = JSON.parse(readFileSync("test/vectors/tfmot/masks.json", "utf8"));

  test.each(Object.entries(vectors).filter(([name]) => name !== "ties"))(
    "%s: a model's masks are tfmot's, in Keras' layout",
    async (_, { weights, sparsity: targetSparsity, blockSize, blockPooling, mByN, mask }) => {
      const { shape } = weights;
      const units = shape.at(-1)!;
      // the vector of 2:4 has the rows that tfmot makes of [in][out]: [out][in]
      const turned = (values: number[]) =>
        mByN ? values.map((_, i) => values[(i % shape[1]!) * shape[0]! + Math.floor(i / shape[1]!)]!) : values;
      const whole =
        shape.length === 2
          ? sequential([dense({ units, useBias: false, inputShape: [shape[0]!] })])
          : sequential([
              conv2d({ filters: units, kernelSize: [3, 3], useBias: false, inputShape: [3, 3, shape[2]!] }),
              flatten(),
            ]);
      whole.setWeights([turned(weights.data)]);
      const options: PruneLowMagnitudeOptions = {
        schedule: constantSparsity({ targetSparsity, frequency: 1 }),
        blockSize,
        blockPoolingType: blockPooling,
        ...(mByN && { sparsityMByN: mByN }),
      };
      const pruned = pruneLowMagnitude(whole, options);
      await pruned.fit(noise(8, [...whole.inputShape], units), { optimizer: sgd(0) });
      const made = Object.values(pruned.getWeights())[0]!;
      expect(Array.from(made.data, w => (w === 0 ? 0 : 1))).toEqual(turned(mask.data));
    },
  );

  test("with blocks prunes convolutions as matrices, and layers of their own too", async () => {
    const options = { schedule: oneShot({ targetSparsity: 0.5 }), blockSize: [6, 1], blockPoolingType: "MAX" } as const;
    const x = [conv2d({ filters: 4, kernelSize: 3, inputShape: [6, 6, 2] }), flatten(), dense({ units: 4 })] as const;
    const [whole, layers] = [
      pruneLowMagnitude(sequential([...x], { seed: 1 }), { ...options, layers: ["conv2d"] }),
      sequential([pruneLowMagnitude(x[0], options), x[1], x[2]], { seed: 1 }),
    ];
    for (const model of [whole, layers]) await model.fit(data, { batchSize: 8 });
    expect(zerosOf(whole)).toEqual([36, 0]);
    expect(
      masksOf(whole)[0]!
        .match(/.{6}/g)!
        .every(m => m === "000000" || m === "111111"),
    ).toBe(true);
    expect(masksOf(layers)).toEqual(masksOf(whole));
    expect(layers.getWeights()).toEqual(whole.getWeights());
  });

  test("with sparsityMByN prunes before the first step, and never again", async () => {
    const pruned = pruneLowMagnitude(network(), { sparsityMByN: [2, 4] });
    const seen: string[][] = [];
    const callbacks = [{ onEpochEnd: () => void seen.push(masksOf(pruned)) }];
    await pruned.fit(data, { batchSize: 8, epochs: 3, callbacks });
    // 2 channels in: a group of which both may stay; 36 inputs of the dense layer
    expect(zerosOf(pruned)).toEqual([0, 0, 72]);
    expect(seen[2]).toEqual(seen[0]);
  });
});
