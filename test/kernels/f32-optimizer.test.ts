import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-optimizer.ts";
import { noise, overVariants } from "./harness.ts";

overVariants("f32-optimizer", "train", bench => {
  test.each([4, 8, 20])("f32_adam, %i elements, three steps", n => {
    bench.reset();
    const start = noise(n, 3);
    const state = { w: bench.input(start), m: bench.input(new Float32Array(n)), v: bench.input(new Float32Array(n)) };
    const wanted = Array.from(start, w => ({ w, m: 0, v: 0 }));
    const fixed = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
    for (let step = 1; step <= 3; step++) {
      const g = noise(n, 10 + step);
      const hyper = { rate: Math.fround(0.01 / step), decay: Math.fround(0.001) };
      const at = { rate: bench.input(Float32Array.of(hyper.rate)), decay: bench.input(Float32Array.of(hyper.decay)) };
      bench.run("f32_adam", { n, ...state, g: bench.input(g), ...at, ...fixed });
      g.forEach((v, i) => {
        wanted[i] = twin.f32_adam(wanted[i]!, v, { ...hyper, ...fixed });
      });
    }
    for (const name of ["w", "m", "v"] as const)
      expect([...bench.f32.slice(state[name] / 4, state[name] / 4 + n)]).toEqual(wanted.map(e => e[name]));
  });
});
