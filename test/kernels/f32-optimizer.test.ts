import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-optimizer.ts";
import { noise, overVariants } from "./harness.ts";

interface Case {
  state: string[];
  parameters: Record<string, number>;
}
const rms = { rho: 0.9, epsilon: 1e-7 };
const CASES = {
  f32_sgd: { state: ["w"], parameters: {} },
  f32_momentum: { state: ["w", "m"], parameters: { momentum: 0.9 } },
  f32_nesterov: { state: ["w", "m"], parameters: { momentum: 0.9 } },
  f32_rmsprop: { state: ["w", "v"], parameters: rms },
  f32_rmsprop_momentum: { state: ["w", "v", "m"], parameters: { ...rms, momentum: 0.8 } },
  f32_rmsprop_centered: { state: ["w", "v", "a"], parameters: rms },
  f32_rmsprop_centered_momentum: { state: ["w", "v", "a", "m"], parameters: { ...rms, momentum: 0.8 } },
  f32_adam: { state: ["w", "m", "v"], parameters: { share1: 0.1, share2: 0.001, epsilon: 1e-7 } },
} satisfies Record<string, Case>;
type Kernel = keyof typeof CASES;
const KERNELS = Object.keys(CASES) as Kernel[];

type State = Record<string, number>;
type Step = (s: State, g: number, parameters: State) => State;
const twins = twin as unknown as Record<Kernel, Step>;

overVariants("f32-optimizer", "train", bench => {
  test.each(KERNELS.flatMap(kernel => [4, 8, 20].map(n => [kernel, n] as const)))(
    "%s, %i elements, three steps",
    (kernel, n) => {
      bench.reset();
      const { state, parameters } = CASES[kernel];
      const start = noise(n, 3);
      start[n - 1] = 0;
      const at: State = {};
      for (const name of state) at[name] = bench.input(name === "w" ? start : new Float32Array(n));
      let wanted: State[] = Array.from(start, w => ({ w, m: 0, v: 0, a: 0 }));
      for (let step = 1; step <= 3; step++) {
        const g = noise(n, 10 + step);
        g[n - 1] = 0; // as on padding
        const hyper = { rate: 0.01 / step, decay: 0.001 };
        const addresses = {
          rate: bench.input(Float32Array.of(hyper.rate)),
          decay: bench.input(Float32Array.of(hyper.decay)),
        };
        bench.run(kernel, { n, ...at, g: bench.input(g), ...addresses, ...parameters });
        wanted = wanted.map((s, i) => twins[kernel](s, g[i]!, { ...hyper, ...parameters }));
      }
      for (const name of state)
        expect([...bench.f32.slice(at[name]! / 4, at[name]! / 4 + n)]).toEqual(wanted.map(s => s[name]));
      expect(bench.f32[at.w! / 4 + n - 1]).toBe(0);
    },
  );
});

// ---------------------------------------------------------------- Keras' own values, by the reference implementations

interface Vector {
  config: Record<string, number>;
  initial: { data: number[] }[];
  gradients: { data: number[] }[][];
  weights: { data: number[] }[][];
}
const vectors = JSON.parse(readFileSync("test/vectors/keras/optimizers.json", "utf8")) as Record<string, Vector>;

const KERAS: Record<string, Kernel> = {
  sgd: "f32_sgd",
  sgd_clipvalue: "f32_sgd",
  sgd_momentum: "f32_momentum",
  sgd_nesterov: "f32_nesterov",
  rmsprop: "f32_rmsprop",
  adam: "f32_adam",
  "adam_0.01": "f32_adam",
  adamw: "f32_adam",
  adam_clipnorm: "f32_adam",
  adam_global_clipnorm: "f32_adam",
};

/** The gradients of one step after clipping, in f64. */
function clipped(gradients: number[][], config: Record<string, number>, name: string): number[][] {
  const norm = (all: number[]) => Math.sqrt(all.reduce((sum, g) => sum + g * g, 0));
  if (name.endsWith("clipvalue")) return gradients.map(g => g.map(v => Math.min(Math.max(v, -0.5), 0.5)));
  if (name.endsWith("global_clipnorm")) {
    const factor = 1 / Math.max(norm(gradients.flat()), 1);
    return gradients.map(g => g.map(v => v * factor));
  }
  if (name.endsWith("clipnorm")) return gradients.map(g => g.map(v => v / Math.max(norm(g), 1)));
  expect(config.clipnorm ?? config.clipvalue ?? config.global_clipnorm).toBeUndefined();
  return gradients;
}

test.each(Object.keys(KERAS))("Keras: %s", name => {
  const v = vectors[name]!;
  const c = v.config;
  const lr = c.learning_rate!;
  const state = v.initial.map(t => t.data.map((w): State => ({ w: Math.fround(w), m: 0, v: 0, a: 0 })));
  const fixed = { ...c, share1: 1 - c.beta_1!, share2: 1 - c.beta_2! };
  v.gradients.forEach((gradients, step) => {
    const t = step + 1;
    const rate = name.startsWith("adam")
      ? (lr * Math.sqrt(1 - Math.fround(c.beta_2!) ** t)) / (1 - Math.fround(c.beta_1!) ** t)
      : lr;
    const decay = lr * (c.weight_decay ?? 0);
    const config = name.includes("clip") ? {} : c;
    clipped(
      gradients.map(g => g.data),
      config,
      name,
    ).forEach((g, k) => {
      state[k] = state[k]!.map((s, i) => twins[KERAS[name]!](s, Math.fround(g[i]!), { ...fixed, rate, decay }));
      state[k]!.forEach((s, i) => {
        expect(Math.abs(s.w! - v.weights[step]![k]!.data[i]!)).toBeLessThan(2e-6);
      });
    });
  });
});

test("f32-optimizer: every optimizer vector of Keras is used", () => {
  expect(Object.keys(vectors).sort()).toEqual(Object.keys(KERAS).sort());
});
