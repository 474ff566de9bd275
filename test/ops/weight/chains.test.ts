/**
 * The laws of ops on weights' edges, for every chain of up to three: a legal one keeps its promises, gives the same
 * bits when it is baked, and has the slope of evaluate as its gradient; an illegal one is refused by name.
 * `fakeQuantize` has one scale for all weights, as behind a codebook.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { type Tensor, tensor } from "../../../src/base/tensor.ts";
import { insertOnEdge } from "../../../src/graph/edit.ts";
import { Graph, type Promised, type Type } from "../../../src/graph/graph.ts";
import type { Evaluate } from "../../../src/graph/meaning.ts";
import { verify } from "../../../src/graph/verify.ts";
import { nearestOf } from "../../../src/kernels/reference/f32-codebook.ts";
import { dense } from "../../../src/ops/convolution/dense.ts";
import { BAKE, evaluate, GRADIENT, TRAIN_EVALUATE } from "../../../src/ops/index.ts";
import { sparseCodebook } from "../../../src/ops/weight/codebook.ts";
import { type FakeQuantize, fakeQuantize } from "../../../src/ops/weight/fake-quantize.ts";
import { gate } from "../../../src/ops/weight/gate.ts";
import { mask } from "../../../src/ops/weight/mask.ts";
import { bake } from "../../../src/passes/bake.ts";
import { gradient } from "../../../src/passes/gradient.ts";
import { expectClose } from "../planned.ts";

const [OUT, IN, ENTRIES, LEVELS] = [5, 6, 4, 7];
const COUNT = OUT * IN;
const matrix: Type = { shape: [OUT, IN], dtype: "f32", batched: false };
const table: Type = { shape: [ENTRIES], dtype: "f32", batched: false };

/** One scale for all weights, as behind a codebook. */
const FAKE: FakeQuantize = { levels: LEVELS, scale: "max", per: "tensor" };

const ofMatrix = (data: ArrayLike<number>): Tensor[] => [tensor([OUT, IN], Float64Array.from(data))];

/** The value that is nearest to each weight, as `sparseCodebook` has it: an index, or -1 for 0. */
const placesOf = (w: ArrayLike<number>, entries: ArrayLike<number>): number[] =>
  Array.from(w, nearestOf(entries, true));

/**
 * The functions whose slopes are the gradients: exact, but without rounding. Near the weights that a codebook has seen
 * first, in the order of the codebooks, its results change as much as the weights, and as the values of their members.
 */
const smoothOver = (codebooks: { w: Float64Array; places: number[] }[]): Record<string, Evaluate> => {
  let next = 0;
  return {
    ...TRAIN_EVALUATE,
    ...smooth,
    sparseCodebook([w, entries]) {
      codebooks[next] ??= { w: Float64Array.from(w!.data), places: placesOf(w!.data, entries!.data) };
      const first = codebooks[next]!;
      next++;
      const values = first.places.map(place => (place < 0 ? 0 : entries!.data[place]!));
      return [...ofMatrix(w!.data.map((v, i) => v - first.w[i]! + values[i]!)), ...ofMatrix(first.places)];
    },
  };
};
const smooth: Record<string, Evaluate> = {
  ...TRAIN_EVALUATE,
  mask: ([w, m]) => ofMatrix(w!.data.map((v, i) => v * m!.data[i]!)),
  gate: ([w, g]) => ofMatrix(w!.data.map((v, i) => v * g!.data[Math.floor(i / IN)]!)),
  fakeQuantize: ([w]) => [w!, tensor([OUT])],
};

type Kind = "mask" | "gate" | "sparseCodebook" | "fakeQuantize";
const KINDS: readonly Kind[] = ["mask", "gate", "sparseCodebook", "fakeQuantize"];
const ONE = KINDS.map(kind => [kind]);
const TWO = ONE.flatMap(chain => KINDS.map(kind => [...chain, kind]));
const THREE = TWO.flatMap(chain => KINDS.map(kind => [...chain, kind]));
const CHAINS = [...ONE, ...TWO, ...THREE].map(chain => ({ title: chain.join(" < "), chain }));

/** Masks and gates first, codebooks behind them, at last one quantization. */
const isLegal = (chain: readonly Kind[]): boolean => /^[mg]*s*f?$/.test(chain.map(kind => kind[0]).join(""));

/** dense(x, chain(w)) + dense(x, w): the weight is used behind its chain, and if `shared` also without it. */
function network(chain: readonly Kind[], shared: boolean): Graph {
  const random = new Random(3);
  const normal = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [IN], dtype: "f32", batched: true });
  const w = graph.state("weight", "w", matrix, normal(COUNT));
  const y = graph.scope("layer", () => graph.one(dense, [x, w]));
  const plain = graph.scope("plain", () => graph.one(dense, [x, w]));
  graph.results = shared ? [y, plain] : [y];
  graph.prune();
  let edge = w;
  chain.forEach((kind, i) => {
    const at = { node: y.node!, operand: 1 };
    const state = (role: "mask" | "weight", name: string, type: Type, data: Float32Array) =>
      graph.state(role, `${name} ${i}`, type, data);
    if (kind === "mask") {
      const bits = Float32Array.from({ length: COUNT }, () => (random.uniform() < 0.4 ? 0 : 1));
      edge = insertOnEdge(graph, edge, at, mask, [state("mask", "mask", matrix, bits)]);
    } else if (kind === "gate") {
      const gates = normal(OUT).map((v, o) => (o === 1 ? 0 : v));
      const type: Type = { shape: [OUT], dtype: "f32", batched: false };
      edge = insertOnEdge(graph, edge, at, gate, [state("weight", "gate", type, gates)]);
    } else if (kind === "sparseCodebook") {
      const states = [state("weight", "table", table, normal(ENTRIES))];
      edge = insertOnEdge(graph, edge, at, sparseCodebook, states, { mean: false });
    } else edge = insertOnEdge(graph, edge, at, fakeQuantize, [], FAKE);
  });
  return graph;
}

const images = Float64Array.from({ length: 2 * IN }, (_, i) => Math.sin(i + 1));
const upstream = Float64Array.from({ length: 2 * OUT }, (_, i) => Math.cos(3 * i));
const fed =
  (other: Record<string, Float64Array> = {}) =>
  (v: { name: string; type: Type; data?: ArrayLike<number> }) => {
    const numbers = other[v.name] ?? v.data ?? (v.name === "x" ? images : upstream);
    return tensor(v.type.batched ? [2, ...v.type.shape] : v.type.shape, Float64Array.from(numbers));
  };
const numbersOf = (graph: Graph, rules = TRAIN_EVALUATE) =>
  evaluate(graph, fed(), graph.results, rules).map(({ data }) => [...data]);

describe.each(CHAINS.filter(({ chain }) => isLegal(chain)))("$title", ({ chain }) => {
  test.each([false, true])("verify: is legal, and bake gives the same float bits (shared: %s)", shared => {
    const graph = network(chain, shared);
    verify(graph);
    const before = numbersOf(graph);
    expect(bake(graph)).toBe(true);
    expect(graph.nodes.map(n => n.op)).toEqual(shared ? [dense, dense] : [dense]);
    expect(graph.leaves.map(v => v.name)).toEqual(shared ? ["x", "w", "w 2"] : ["x", "w"]);
    expect(numbersOf(graph)).toEqual(before);
    expect(bake(graph)).toBe(false);
  });

  test("keeps what its ops promise", () => {
    const graph = network(chain, false);
    const masks = graph.leaves.filter(v => v.role === "mask").map(v => v.data!);
    bake(graph);
    const data = graph.leafOf("w")!.data as Float32Array;
    const promises: Record<Promised, () => void> = {
      zeros: () => data.forEach((v, i) => void (masks.some(bits => bits[i] === 0) && expect(v).toBe(0))),
      "distinct values": () => expect(new Set(data).size).toBeLessThanOrEqual(ENTRIES + 1),
      range: () => expect(new Set(data).size).toBeLessThanOrEqual(2 * LEVELS + 1),
    };
    const ops = { mask, gate, sparseCodebook, fakeQuantize } as const;
    for (const kind of chain) for (const what of ops[kind].weightEdge!.gives) promises[what]();
  });

  test("has the slope of evaluate as its gradient", () => {
    const graph = network(chain, false);
    const [y] = graph.results;
    const parameters = graph.leaves.filter(v => v.role === "weight");
    const up = graph.leaf("input", "up", y!.type);
    const made = gradient(graph, GRADIENT, [[y!, up]], parameters);
    verify(graph);
    parameters.forEach((parameter, k) => {
      const at = Float64Array.from(parameter.data!);
      const codebooks: { w: Float64Array; places: number[] }[] = [];
      const total = () =>
        evaluate(graph, fed({ [parameter.name]: at }), [y!], smoothOver(codebooks))[0]!.data.reduce(
          (s, v, i) => s + v * upstream[i]!,
          0,
        );
      total();
      const slopes = at.map((v, i) => {
        at[i] = v + 1e-6;
        const above = total();
        at[i] = v - 1e-6;
        const below = total();
        at[i] = v;
        return (above - below) / 2e-6;
      });
      const got = made[k]
        ? evaluate(graph, fed(), [made[k]], { ...smooth, sparseCodebook: TRAIN_EVALUATE.sparseCodebook! })[0]!.data
        : new Float64Array(at.length);
      expectClose(got, slopes, `d ${parameter.name}`, 1e-6);
    });
  });
});

test.each(CHAINS.filter(({ chain }) => !isLegal(chain)))("verify: refuses $title, naming both ops", ({ chain }) => {
  const graph = network(chain, false);
  const broken = chain.findIndex((_, i) => !isLegal(chain.slice(0, i + 1)));
  const made = `made by "(${chain.slice(0, broken).join("|")})" of "layer" before it`;
  expect(() => verify(graph)).toThrow(
    new RegExp(`^"${chain[broken]}" of "layer" breaks a promise about the weight: .*, ${made}$`),
  );
});

test("bake: refuses an op without that meaning before it changes anything", () => {
  const graph = network(["mask", "fakeQuantize"], false);
  const { fakeQuantize: _, ...others } = BAKE;
  const count = graph.nodes.length;
  expect(() => bake(graph, others)).toThrow('layer "layer": op "fakeQuantize" is not among those that can be baked');
  expect(graph.nodes.length).toBe(count);
});
