import { describe, expect, test } from "vitest";
import { size } from "../../src/base/shape.ts";
import { Graph } from "../../src/graph/graph.ts";
import { TRAIN } from "../../src/kernels/load-train.ts";
import { poison, readState } from "../../src/run/contents.ts";
import { Machine } from "../../src/run/machine.ts";
import type { TrainingContext } from "../../src/train/callbacks.ts";
import type { Checkpoint } from "../../src/train/checkpoint.ts";
import { fit } from "../../src/train/fit.ts";
import type { Logs } from "../../src/train/history.ts";
import { adam, adamW, type Optimizer, rmsprop, sgd } from "../../src/train/optimizers.ts";
import {
  constant,
  cosineDecay,
  exponentialDecay,
  piecewiseConstant,
  rateAt,
  type Schedule,
} from "../../src/train/schedules.ts";
import { TRAINING } from "../ops/planned.ts";
import { type Numbers, vector } from "./keras.ts";
import { corners, smallNetwork, weightBytes } from "./networks.ts";

interface OptimizerVector {
  initial: Numbers[];
  gradients: Numbers[][];
  weights: Numbers[][];
}
const VECTORS = vector<Record<string, OptimizerVector>>("optimizers");

const CASES: Record<string, Optimizer> = {
  sgd: sgd(0.1),
  sgd_momentum: sgd(0.1, { momentum: 0.9 }),
  sgd_nesterov: sgd(0.1, { momentum: 0.9, nesterov: true }),
  rmsprop: rmsprop(0.01),
  adam: adam(),
  "adam_0.01": adam(0.01, { beta1: 0.8, beta2: 0.99, epsilon: 1e-5 }),
  adamw: adamW(0.01, { weightDecay: 0.05 }),
  adam_clipnorm: adam(0.01, { clipnorm: 1 }),
  adam_global_clipnorm: adam(0.01, { globalClipnorm: 1 }),
  sgd_clipvalue: sgd(0.1, { clipvalue: 0.5 }),
};

test("Optimizer: every optimizer of Keras' vectors is compared", () => {
  expect(Object.keys(VECTORS)).toEqual(Object.keys(CASES));
});

/** The weights after each step of the optimizer for these gradients. */
async function steps(optimizer: Optimizer, { initial, gradients }: OptimizerVector): Promise<number[][][]> {
  const graph = new Graph();
  const leaf = (name: string, { shape, data }: Numbers) =>
    graph.state("weight", name, { shape, dtype: "f32", batched: false }, Float32Array.from(data));
  optimizer.build(
    graph,
    initial.map((w, i) => ({
      parameter: leaf(`w${i}`, w),
      gradient: leaf(`g${i}`, { ...w, data: w.data.map(() => 0) }),
    })),
  );
  const machine = await Machine.create(TRAIN, [{ name: "step", graph, batch: 1 }], TRAINING);
  return gradients.map((given, step) => {
    given.forEach((g, i) => {
      machine.write(`g${i}`, g.data);
    });
    for (const [name, value] of Object.entries(optimizer.rates(step, rateAt(optimizer.learningRate, step))))
      machine.stored(name)[0] = value;
    poison(machine);
    machine.run(machine.program("step"));
    return initial.map(({ shape }, i) => [...readState(machine, `w${i}`)].slice(0, size(shape)));
  });
}

test.each(Object.keys(CASES))("%s makes Keras' steps", async name => {
  const known = VECTORS[name]!;
  const weights = await steps(CASES[name]!, known);
  known.weights.forEach((expected, step) => {
    expected.forEach(({ data }, i) => {
      data.forEach((v, at) => {
        expect(Math.abs(weights[step]![i]![at]! - v), `step ${step}, weight ${i}[${at}]`).toBeLessThan(2e-6);
      });
    });
  });
});

test("sgd and others name options that do not fit", () => {
  expect(() => adam(-1)).toThrow('"learningRate" expected finite number >= 0, got -1');
  expect(() => adam(1, { beta1: 1 })).toThrow('"beta1" expected finite number >= 0 and < 1, got 1');
  expect(() => sgd(1, { clipnorm: 1, clipvalue: 1 })).toThrow("one way of clipping, got clipnorm and clipvalue");
  expect(() => sgd(1, { clipnorm: 0 })).toThrow('"clipnorm" expected finite number > 0, got 0');
  expect(() => rmsprop(1, { decay: 1 } as never)).toThrow('"rmsprop" has no option "decay"');
  expect(() => rateAt(() => NaN, 3)).toThrow('"learningRate(3)" expected finite number');
});

describe("Schedule", () => {
  interface ScheduleVector {
    steps: number[];
    rate: number[];
  }
  const SCHEDULES: Record<string, Schedule> = {
    exponential: exponentialDecay(0.1, { decaySteps: 10, decayRate: 0.9 }),
    exponential_staircase: exponentialDecay(0.1, { decaySteps: 10, decayRate: 0.9, staircase: true }),
    cosine: cosineDecay(0.1, { decaySteps: 100 }),
    cosine_warmup: cosineDecay(0, { decaySteps: 100, alpha: 0.1, warmupTarget: 0.2, warmupSteps: 10 }),
    piecewise: piecewiseConstant([10, 100], [0.1, 0.05, 0.01]),
  };
  const known = vector<Record<string, ScheduleVector>>("learning-rates");

  test("every schedule Keras answered for is compared", () => {
    expect(Object.keys(known)).toEqual(Object.keys(SCHEDULES));
  });

  test.each(Object.keys(SCHEDULES))("%s", name => {
    const { steps, rate } = known[name]!;
    steps.forEach((step, i) => {
      expect(Math.abs(SCHEDULES[name]!(step) - rate[i]!), `step ${step}`).toBeLessThan(1e-8);
    });
  });

  test("cosineDecay and exponentialDecay take shares of the training, as polynomialDecay does", async () => {
    const data = corners(80);
    const trained = async (optimizer: Optimizer, options: object = {}) => {
      const graph = smallNetwork();
      const fitted = await fit(graph, data, { epochs: 4, batchSize: 16, optimizer, ...options });
      return { ...fitted, bytes: weightBytes(graph) };
    };
    const warm = { warmupTarget: 0.02, alpha: 0.1 };
    const pairs: [Schedule, Schedule][] = [
      [
        cosineDecay(0, { decaySteps: "75%", warmupSteps: "25%", ...warm }),
        cosineDecay(0, { decaySteps: 15, warmupSteps: 5, ...warm }),
      ],
      [
        exponentialDecay(0.02, { decaySteps: "50%", decayRate: 0.5 }),
        exponentialDecay(0.02, { decaySteps: 10, decayRate: 0.5 }),
      ],
    ];
    for (const [shares, steps] of pairs)
      expect((await trained(adam(shares))).bytes).toEqual((await trained(adam(steps))).bytes);
    // resumed in the middle, it ends at the same point
    let middle: Checkpoint | undefined;
    const keep = {
      onEpochEnd(epoch: number, _: Logs, at: TrainingContext) {
        if (epoch === 1) middle = at.checkpoint();
      },
    };
    const whole = await trained(adam(pairs[0]![0]), { callbacks: [keep] });
    expect((await trained(adam(pairs[0]![0]), { resume: middle })).bytes).toEqual(whole.bytes);
    expect(() => pairs[0]![0](3)).toThrow(
      '"decaySteps" expected a number of steps, as it is not known how many there will be, got "75%"',
    );
    expect(() => cosineDecay(1, { decaySteps: "101%" })).toThrow('"decaySteps" expected a number of steps, or a share');
    expect(rateAt(cosineDecay(1, { decaySteps: "1%" }), 1, 3)).toBe(0);
  });

  test("a constant rate is that at every step", () => {
    expect(constant(0.3)(17)).toBe(0.3);
  });

  test("boundaries rise, and have one rate more", () => {
    expect(() => piecewiseConstant([5, 5], [1, 2, 3])).toThrow('"boundaries[1]" expected integer >= 6, got 5');
    expect(() => piecewiseConstant([5], [1])).toThrow('"values" expected 2 rates');
  });
});
