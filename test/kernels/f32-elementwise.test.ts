import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-elementwise.ts";
import { KERNELS } from "../../src/kernels/table.ts";
import { noise, overVariants } from "./harness.ts";

const SIZES = [1, 3, 4, 5, 11];

/** Numbers of many sizes, including ties at zero and the boundaries of the kernels. */
const values = (n: number, seed: number): Float32Array =>
  noise(n, seed).map((v, i) => [v, v * 8, v * 100, 0, 3, -3, -0, v * 1e-4, 1, 6][(i + seed) % 10]!);

const UNARY: Record<string, Record<string, number>> = {
  f32_relu: {},
  f32_clip: { low: -0.5, high: 6 },
  f32_leaky_relu: { alpha: 0.3 },
  f32_elu: { alpha: 0.7 },
  f32_hard_sigmoid: { alpha: 1 / 6, beta: 0.5 },
  f32_hard_swish: {},
  f32_sigmoid: {},
  f32_tanh: {},
  f32_exp: {},
  f32_log: {},
  f32_sqrt: {},
  f32_rsqrt: {},
  f32_gelu: {},
  f32_gelu_tanh: {},
  f32_silu: {},
  f32_square: {},
  f32_sign: {},
  f32_scale: { scale: 0.1 },
  f32_rescale: { scale: 0.1, offset: -0.7 },
};
const GRADIENTS: Record<string, Record<string, number>> = {
  f32_relu_gradient: {},
  f32_clip_gradient: { low: -0.5, high: 6 },
  f32_leaky_relu_gradient: { alpha: 0.3 },
  f32_elu_gradient: { alpha: 0.7 },
  f32_hard_sigmoid_gradient: { alpha: 1 / 6 },
  f32_hard_swish_gradient: {},
  f32_sigmoid_gradient: {},
  f32_tanh_gradient: {},
  f32_exp_gradient: {},
  f32_gelu_gradient: {},
  f32_gelu_tanh_gradient: {},
  f32_silu_gradient: {},
  f32_log_gradient: {},
  f32_sqrt_gradient: {},
  f32_rsqrt_gradient: {},
};
const BINARY: Record<string, Record<string, number>> = {
  f32_add: {},
  f32_sub: {},
  f32_mul: {},
  f32_div: {},
  f32_min: {},
  f32_max: {},
  f32_axpby: { alpha: 0.3, beta: -2 },
};

type Twin = (...numbers: number[]) => number;
const twins = twin as unknown as Record<string, Twin>;

overVariants("f32-elementwise", "train", bench => {
  const read = (at: number, n: number) => bench.f32.slice(at / 4, at / 4 + n);
  const cases = (of: Record<string, Record<string, number>>) =>
    Object.keys(of).flatMap(kernel => SIZES.map(n => [kernel, n] as const));

  test.each(cases(UNARY))("%s, %i elements", (kernel, n) => {
    bench.reset();
    const x = values(n, n);
    const y = bench.output(n * 4);
    const more = UNARY[kernel]!;
    bench.run(kernel as "f32_relu", { n, x: bench.input(x), y, ...more });
    expect(read(y, n)).toEqual(x.map(v => twins[kernel]!(v, ...Object.values(more))));
  });

  test.each(cases(GRADIENTS))("%s, %i elements", (kernel, n) => {
    bench.reset();
    const dy = noise(n, n);
    const z = values(n, n + 7);
    const dx = bench.output(n * 4);
    const more = GRADIENTS[kernel]!;
    const operand = "x" in KERNELS[kernel as "f32_relu_gradient"].args ? { x: bench.input(z) } : { y: bench.input(z) };
    bench.run(kernel as "f32_relu_gradient", { n, dy: bench.input(dy), ...operand, dx, ...more });
    expect(read(dx, n)).toEqual(dy.map((v, i) => twins[kernel]!(v, z[i]!, ...Object.values(more))));
  });

  test.each(cases(BINARY))("%s, %i elements", (kernel, n) => {
    bench.reset();
    const a = values(n, n);
    const b = values(n, n + 1);
    const y = bench.output(n * 4);
    const more = BINARY[kernel]!;
    bench.run(kernel as "f32_add", { n, a: bench.input(a), b: bench.input(b), y, ...more });
    expect(read(y, n)).toEqual(a.map((v, i) => twins[kernel]!(v, b[i]!, ...Object.values(more))));
  });

  test.each(SIZES)("where and scalars, %i elements", n => {
    bench.reset();
    const [x, a] = [noise(n, 1), values(n, 3)];
    const b = a.map((v, i) => (i % 2 ? v : -v));
    const at = { x: bench.input(x), a: bench.input(a), b: bench.input(b) };
    for (const kernel of ["f32_where_greater", "f32_where_greater_equal"] as const) {
      const y = bench.output(n * 4);
      bench.run(kernel, { n, ...at, y });
      expect(read(y, n)).toEqual(x.map((v, i) => twins[kernel]!(v, a[i]!, b[i]!)));
    }
    const s = bench.input(Float32Array.of(0.1));
    for (const [kernel, scalar] of [
      ["f32_add_scalar", twin.f32_add],
      ["f32_mul_scalar", twin.f32_mul],
    ] as const) {
      const y = bench.output(n * 4);
      bench.run(kernel, { n, x: at.x, s, y });
      expect(read(y, n)).toEqual(x.map(v => scalar(v, Math.fround(0.1))));
    }
    const y = bench.output(n * 4);
    bench.run("f32_fill", { n, y, value: -0.25 });
    expect(read(y, n)).toEqual(new Float32Array(n).fill(-0.25));
  });

  test.each([
    [1, 1],
    [3, 1],
    [4, 3],
    [5, 2],
    [11, 4],
  ])("prelu of %i alphas, %i times", (k, repeat) => {
    bench.reset();
    const n = 3;
    const [size, stride] = [k * repeat, Math.ceil((k * repeat) / 8) * 8 + 8];
    const image = (seed: number) =>
      Float32Array.from({ length: n * stride }, (_, i) => (i % stride < size ? noise(1, i + seed * 999)[0]! : NaN));
    const [x, dy, alpha] = [image(1), image(2), noise(k, 3)];
    const at = { x: bench.input(x), dy: bench.input(dy), alpha: bench.input(alpha) };
    const more = { n, xs: stride * 4, repeat, k };
    const y = bench.output(n * stride * 4);
    bench.run("f32_prelu", { ...more, x: at.x, alpha: at.alpha, y, ys: stride * 4 });
    const dx = bench.output(n * stride * 4);
    bench.run("f32_prelu_gradient", { ...more, ...at, dys: stride * 4, dx, dxs: stride * 4 });
    const dalpha = bench.output(k * 4);
    bench.f32.fill(0.5, dalpha / 4, dalpha / 4 + k);
    bench.run("f32_prelu_alpha_gradient", { ...more, x: at.x, dy: at.dy, dys: stride * 4, dalpha });
    const sum = new Float32Array(k).fill(0.5);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < size; j++) {
        const p = i * stride + j;
        expect(bench.f32[y / 4 + p]).toBe(twin.f32_prelu(x[p]!, alpha[j % k]!));
        expect(bench.f32[dx / 4 + p]).toBe(twin.f32_prelu_gradient(dy[p]!, x[p]!, alpha[j % k]!));
        sum[j % k] = twin.f32_prelu_alpha_gradient(sum[j % k]!, dy[p]!, x[p]!);
      }
      for (let j = size; j % 8; j++) expect(bench.f32[y / 4 + i * stride + j]).toBe(0);
    }
    expect(read(dalpha, k)).toEqual(sum);
  });

  test.each([1, 3, 4, 5, 11])("pact of %i elements, in any grouping of the images", size => {
    bench.reset();
    const [n, stride] = [5, Math.ceil(size / 8) * 8 + 8];
    const image = (seed: number) =>
      Float32Array.from({ length: n * stride }, (_, i) => (i % stride < size ? noise(1, i + seed * 999)[0]! : NaN));
    const [x, dy] = [image(1), image(2)];
    const at = { x: bench.input(x), dy: bench.input(dy) };
    for (const bound of [0.4, 0, -0.3]) {
      const alpha = bench.input(Float32Array.of(bound));
      const [y, dx] = [bench.output(n * stride * 4), bench.output(n * stride * 4)];
      bench.run("f32_pact", { n: n * stride, x: at.x, alpha, y });
      bench.run("f32_pact_gradient", { n: n * stride, ...at, alpha, dx });
      const a = Math.fround(bound);
      let sum = 0.5;
      for (let i = 0; i < n; i++) {
        for (let j = i * stride; j < i * stride + size; j++) {
          expect(bench.f32[y / 4 + j]).toBe(twin.f32_pact(x[j]!, a));
          expect(bench.f32[dx / 4 + j]).toBe(twin.f32_pact_gradient(dy[j]!, x[j]!, a));
        }
        const row = (of: Float32Array) => of.subarray(i * stride, i * stride + size);
        sum = twin.f32_pact_alpha_gradient(sum, row(dy), row(x), a);
      }
      for (const groups of [[5], [2, 3], [1, 1, 1, 1, 1]]) {
        const dalpha = bench.output(4);
        bench.f32[dalpha / 4] = 0.5;
        let first = 0;
        for (const group of groups) {
          const from = {
            dy: at.dy + first * stride * 4,
            dys: stride * 4,
            x: at.x + first * stride * 4,
            xs: stride * 4,
          };
          bench.run("f32_pact_alpha_gradient", { n: group, ...from, alpha, dalpha, length: size });
          first += group;
        }
        expect(bench.f32[dalpha / 4]).toBe(sum);
      }
    }
  });

  test.each([
    [1, 1],
    [3, 4],
    [2, 7],
    [5, 11],
  ])("gates of %i rows of %i elements", (rows, length) => {
    bench.reset();
    const [x, dy, g] = [noise(rows * length, 1), noise(rows * length, 2), noise(rows, 3)];
    const at = { x: bench.input(x), dy: bench.input(dy), g: bench.input(g) };
    const [y, dg] = [bench.output(rows * length * 4), bench.output(rows * 4)];
    bench.run("f32_gate", { rows, length, x: at.x, g: at.g, y });
    expect(read(y, rows * length)).toEqual(x.map((v, i) => twin.f32_gate(v, g[Math.floor(i / length)]!)));
    bench.run("f32_gate_gradient", { rows, length, dy: at.dy, x: at.x, dg });
    const row = (of: Float32Array, r: number) => of.subarray(r * length, (r + 1) * length);
    expect(read(dg, rows)).toEqual(g.map((_, r) => twin.f32_gate_gradient(row(dy, r), row(x, r))));
  });

  test.each([1, 4, 7, 13])("dropout of %i elements: the same bits forward and backward", k => {
    bench.reset();
    const n = 3;
    const stride = 16;
    const x = Float32Array.from({ length: n * stride }, (_, i) => (i % stride < k ? noise(1, i + 1)[0]! : NaN));
    const images = Uint32Array.of(59_999, 0, 7);
    const seed = 0xfedcba98;
    const salt = 5;
    const at = { image: bench.input(images), seed: bench.input(Uint32Array.of(seed)) };
    const y = bench.output(n * stride * 4);
    bench.run("f32_dropout", { n, k, salt, ...at, x: bench.input(x), xs: stride * 4, y, ys: stride * 4, rate: 0.3 });
    for (let i = 0; i < n; i++)
      for (let j = 0; j < k; j++)
        expect(bench.f32[y / 4 + i * stride + j]).toBe(
          twin.f32_dropout(x[i * stride + j]!, { seed, salt, image: images[i]! }, j, 0.3),
        );
  });

  test("dropout keeps 1 - rate of the elements, and no column or image always", () => {
    const kept = (seed: number, image: number) =>
      Array.from({ length: 1000 }, (_, j) => twin.dropoutKeeps({ seed, salt: 2, image }, j, 0.4));
    for (let i = 0; i < 20; i++) {
      const share = kept(i, 3 * i).filter(Boolean).length / 1000;
      expect(share).toBeGreaterThan(0.52);
      expect(share).toBeLessThan(0.68);
    }
    const same = kept(1, 5).filter((v, j) => v === kept(1, 6)[j]).length / 1000;
    expect(same).toBeGreaterThan(0.44); // independent: 0.6^2 + 0.4^2 = 0.52
    expect(same).toBeLessThan(0.6);
  });
});
