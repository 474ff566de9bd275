import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import {
  conv2d,
  dense,
  depthwiseConv2d,
  type Fans,
  type Initializer,
  initializers,
  input,
  sequential,
} from "../../src/model/index.ts";

const { constant, glorotNormal, glorotUniform, heNormal, heUniform, ones, randomNormal, randomUniform, zeros } =
  initializers;

const moments = (x: Float32Array) => {
  const mean = x.reduce((s, v) => s + v, 0) / x.length;
  const variance = x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length;
  return { mean, deviation: Math.sqrt(variance), largest: x.reduce((m, v) => Math.max(m, Math.abs(v)), 0) };
};

const FANS = { in: 30, out: 70 };

describe("initializers: distributions, as Keras defines them", () => {
  const uniform: [string, Initializer, number][] = [
    ["glorotUniform", glorotUniform(), Math.sqrt(6 / 100)],
    ["heUniform", heUniform(), Math.sqrt(6 / 30)],
    ["randomUniform", randomUniform({ minval: -0.2, maxval: 0.2 }), 0.2],
  ];
  test.each(uniform)("%s fills its range evenly", (_, initializer, limit) => {
    const x = initializer(20000, FANS, new Random(5));
    const { mean, deviation, largest } = moments(x);
    expect(largest).toBeLessThanOrEqual(limit);
    expect(largest).toBeGreaterThan(0.999 * limit);
    expect(Math.abs(mean)).toBeLessThan(0.02 * limit);
    expect(deviation / (limit / Math.sqrt(3))).toBeCloseTo(1, 1.7);
  });

  const normal: [string, Initializer, number, number][] = [
    // truncated at two standard deviations of the normal distribution they are drawn from, and scaled to the nominal
    // deviation
    ["glorotNormal", glorotNormal(), Math.sqrt(2 / 100), (2 * Math.sqrt(2 / 100)) / 0.8796256610342398],
    ["heNormal", heNormal(), Math.sqrt(2 / 30), (2 * Math.sqrt(2 / 30)) / 0.8796256610342398],
    ["randomNormal", randomNormal({ stddev: 0.3 }), 0.3, Infinity],
  ];
  test.each(normal)("%s has its deviation and its end", (_, initializer, deviation, end) => {
    const x = initializer(20000, FANS, new Random(5));
    const got = moments(x);
    expect(got.deviation / deviation).toBeCloseTo(1, 1.7);
    expect(got.largest).toBeLessThanOrEqual(end * 1.000001);
    if (end !== Infinity) expect(got.largest).toBeGreaterThan(0.98 * end);
    else expect(got.largest).toBeGreaterThan(3 * deviation);
  });

  test("zeros, ones and constants", () => {
    const of = (initializer: Initializer) => [...initializer(3, FANS, new Random(0))];
    expect([of(zeros()), of(ones()), of(constant(-2.5))]).toEqual([
      [0, 0, 0],
      [1, 1, 1],
      [-2.5, -2.5, -2.5],
    ]);
  });
});

describe("initializers: fans, as Keras' compute_fans", () => {
  const fansOf = (make: (kernelInitializer: Initializer) => ReturnType<typeof dense>, shape: number[]): Fans => {
    const seen: Fans[] = [];
    const spy: Initializer = (length, fans) => {
      seen.push(fans);
      return new Float32Array(length);
    };
    sequential([input({ shape }), make(spy)]);
    return seen[0]!;
  };

  test("of dense, conv2d with and without groups, and depthwise", () => {
    expect(fansOf(i => dense({ units: 7, kernelInitializer: i }), [5])).toEqual({ in: 5, out: 7 });
    const conv = { filters: 8, kernelSize: [3, 2] as const };
    expect(fansOf(i => conv2d({ ...conv, kernelInitializer: i }), [5, 5, 4])).toEqual({ in: 24, out: 48 });
    // the kernel is [3, 2, 4 / 2, 8]
    expect(fansOf(i => conv2d({ ...conv, groups: 2, kernelInitializer: i }), [5, 5, 4])).toEqual({ in: 12, out: 48 });
    const depthwise = { kernelSize: 3, depthMultiplier: 2 } as const;
    expect(fansOf(i => depthwiseConv2d({ ...depthwise, depthwiseInitializer: i }), [5, 5, 4])).toEqual({
      in: 36,
      out: 18,
    });
  });

  test("a custom initializer must return as many numbers as there are weights", () => {
    const short = () => new Float32Array(1);
    expect(() => sequential([dense({ units: 2, inputShape: [3], kernelInitializer: short })])).toThrow(
      'layer "dense" (dense): "initializer of dense/kernel" expected to give a Float32Array of 6, got Float32Array(1)',
    );
  });
});

describe("initializers: one seed", () => {
  const built = (seed: number, extra: boolean) =>
    sequential(
      [
        dense({ units: 4, inputShape: [4], name: "a" }),
        ...(extra ? [dense({ units: 4 })] : []),
        dense({ units: 4, name: "b" }),
      ],
      { seed },
    ).getWeights();

  test("gives the same weights, another seed other ones", () => {
    expect(built(3, false)).toEqual(built(3, false));
    expect(built(3, false)["a/kernel"]).not.toEqual(built(4, false)["a/kernel"]);
    expect(built(3, false)["a/kernel"]!.data).not.toEqual(built(3, false)["b/kernel"]!.data);
  });

  test("another layer does not change the weights of the others", () => {
    const [without, more] = [built(3, false), built(3, true)];
    expect(more["a/kernel"]).toEqual(without["a/kernel"]);
    expect(more["b/kernel"]).toEqual(without["b/kernel"]);
  });
});
