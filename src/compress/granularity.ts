/**
 * Which weights of a kernel are pruned together: its units. A kernel is looked at as a matrix with a column for each
 * filter of a convolution or unit of a dense layer, and a row for each of its inputs, tap by tap and channel by
 * channel. A dense kernel is Keras' [in][out], that of a convolution [kh * kw * in][out]. It is stored the other way
 * round, as [out][kh][kw][in], so that a column of the matrix is one run of memory.
 *
 * Element, vector and filter as granularities: H. Mao et al., "Exploring the granularity of sparsity in convolutional
 * neural networks" (2017). N:M: A. Zhou et al., "Learning N:M fine-grained structured sparse neural networks from
 * scratch" (2021).
 */
import { integer, knownOptions, oneOf, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, showShape, size } from "../base/shape.ts";

/** `n` of every `m` weights that follow each other in a filter stay: { n: 2, m: 4 } is the 2:4 of GPUs. */
export interface NOfM {
  readonly n: number;
  readonly m: number;
}

/**
 * - "element": each weight by itself.
 * - "row": the weights of all filters for one input: of one tap of one channel.
 * - "column" or "filter": all weights of a filter, or of a unit of a dense layer.
 * - { n, m }: single weights, `n` of which stay among every `m` that follow each other along kh, kw and in.
 * - [rows, columns]: blocks of the matrix [kh * kw * in][out]; those at its right and lower edge may be smaller.
 */
export type Granularity = "element" | "row" | "column" | "filter" | NOfM | readonly [rows: number, columns: number];

/** The reduction of the scores of its weights to the score of a unit. */
export type Pooling = "mean" | "max";

/** The units of one kernel. */
export interface Units {
  readonly count: number;
  /** The unit of each weight; undefined: each weight is one. */
  readonly of?: Int32Array;
  /** The unit whose score each weight is part of, where that is another one than its own. */
  readonly scoredIn?: Int32Array;
  readonly pooling: Pooling;
  readonly pattern?: Pattern;
}

/**
 * The `n` greatest scores of every `m` weights of a run of `length` always stay. The last group may be shorter.
 */
export interface Pattern extends NOfM {
  readonly length: number;
}

export const isPattern = (granularity: Granularity): granularity is NOfM =>
  typeof granularity === "object" && !Array.isArray(granularity);

/** Checks what needs no kernel. */
export function checkGranularity(granularity: unknown): asserts granularity is Granularity {
  const expected = '"element", "row", "column", "filter", { n, m } or [rows, columns]';
  if (typeof granularity === "string") {
    if (!["element", "row", "column", "filter"].includes(granularity))
      throw wrongValue("granularity", expected, granularity);
  } else if (Array.isArray(granularity)) checkBlock("granularity", granularity, "[rows, columns]");
  else {
    if (granularity === null || typeof granularity !== "object") throw wrongType("granularity", expected, granularity);
    knownOptions("granularity", granularity, ["n", "m"]);
    const { n, m } = granularity as NOfM;
    integer("granularity.m", m, 2);
    integer("granularity.n", n, 1, m - 1);
  }
}

/** Checks a pair of positive integers. */
export function checkBlock(what: string, block: unknown, expected: string): asserts block is [number, number] {
  if (!Array.isArray(block)) throw wrongType(what, expected, block);
  if (block.length !== 2) throw wrongValue(what, expected, block);
  block.forEach((n, i) => {
    integer(`${what}[${i}]`, n, 1);
  });
}

export const checkPooling = (pooling: unknown): Pooling => oneOf("pooling", pooling, ["mean", "max"]);

/**
 * Returns the units of a kernel of the stored shape [out][kh][kw][in] or [out][in].
 * Errors: a RangeError that names the layer, where `m` does not divide its filters or a block is as large as the
 * kernel.
 */
export function unitsOf(granularity: Granularity, shape: Shape, pooling: Pooling, layer: string): Units {
  const [filters, inputs] = matrixOf(shape);
  if (granularity === "element") return { count: filters * inputs, pooling };
  if (granularity === "row") return blocks(shape, [1, filters], pooling);
  if (granularity === "column" || granularity === "filter") return blocks(shape, [inputs, 1], pooling);
  if (isPattern(granularity)) {
    if (inputs % granularity.m)
      throw new RangeError(
        `"granularity" expected an m that divides the ${inputs} weights of each filter of layer "${layer}", ` +
          `got ${granularity.m}: leave the layer out by "layers"`,
      );
    return { count: filters * inputs, pooling, pattern: { ...granularity, length: inputs } };
  }
  const [rows, columns] = granularity;
  if (rows >= inputs && columns >= filters)
    throw new RangeError(
      `"granularity" expected blocks smaller than the kernel of layer "${layer}", which is ` +
        `${showShape([inputs, filters])} as a matrix, got ${showShape(granularity)}: leave the layer out by "layers"`,
    );
  return blocks(shape, granularity, pooling);
}

/** Filters and the weights of each. */
function matrixOf(shape: Shape): [filters: number, inputs: number] {
  const [filters, ...rest] = shape as [number, ...number[]];
  return [filters, size(rest)];
}

/**
 * Blocks of [rows, columns] of the matrix [inputs][filters]. `centered`: at ragged edges, scores are pooled as by
 * TensorFlow's "SAME" pooling, whose windows begin half the missing rows before the matrix, though the blocks begin
 * with it.
 */
export function blocks(shape: Shape, block: readonly [number, number], pooling: Pooling, centered = false): Units {
  const [filters, inputs] = matrixOf(shape);
  const [rows, columns] = block;
  if (rows === 1 && columns === 1) return { count: filters * inputs, pooling };
  const down = Math.ceil(inputs / rows);
  const across = Math.ceil(filters / columns);
  const places = (before: number, left: number): Int32Array => {
    const of = new Int32Array(filters * inputs);
    for (let f = 0; f < filters; f++)
      for (let i = 0; i < inputs; i++)
        of[f * inputs + i] = Math.floor((f + left) / columns) * down + Math.floor((i + before) / rows);
    return of;
  };
  const before = Math.floor((down * rows - inputs) / 2);
  const left = Math.floor((across * columns - filters) / 2);
  return {
    count: down * across,
    of: places(0, 0),
    ...(centered && (before || left) && { scoredIn: places(before, left) }),
    pooling,
  };
}

/**
 * Keeps `n` of every `m` input channels of a tap: tfmot's layout [out * kh * kw][in], where a last group may be
 * shorter.
 */
export const channelPattern = (shape: Shape, { n, m }: NOfM): Units => ({
  count: size(shape),
  pooling: "mean",
  pattern: { n, m, length: shape.at(-1)! },
});
