/** The families of algorithms whose costs are measured: their tables, and networks of one layer in many sizes. */
import { Random } from "../../src/base/random.ts";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Op, type Quantization } from "../../src/graph/graph.ts";
import type { Costs, Works } from "../../src/kernels/cost/cheapest.ts";
import { f32Conv2dReluMaxPool2d } from "../../src/kernels/cost/f32-conv2d-relu-max-pool2d.ts";
import { i8Conv2d } from "../../src/kernels/cost/i8-conv2d.ts";
import { i8Conv2dMaxPool2d } from "../../src/kernels/cost/i8-conv2d-max-pool2d.ts";
import { i8Dense } from "../../src/kernels/cost/i8-dense.ts";
import { directWork } from "../../src/kernels/i8/conv2d.ts";
import { oneChannelWork } from "../../src/kernels/i8/conv2d-1c.ts";
import { firWork } from "../../src/kernels/i8/conv2d-fir.ts";
import { winogradWork } from "../../src/kernels/i8/conv2d-winograd.ts";
import { denseWorks } from "../../src/kernels/i8/dense.ts";
import { groupsOf } from "../../src/kernels/i8/panels.ts";
import type { Binary, Variant } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { TRAIN } from "../../src/kernels/load-train.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { conv2dMaxPool2d } from "../../src/ops/fused/conv2d-max-pool2d.ts";
import { conv2dReluMaxPool2d, forwardWorks } from "../../src/ops/fused/conv2d-relu-max-pool2d.ts";

/** One layer in one size, and the work of each algorithm that can run it. */
export interface Layer {
  readonly name: string;
  readonly graph: Graph;
  readonly batch: number;
  readonly work: Works<string>;
}

export interface Family {
  /** The export of the table. */
  readonly name: string;
  /** The file of `src/kernels/cost` that holds it. */
  readonly file: string;
  readonly binary: Binary;
  /** The table of a variant: a change here is one for lowering too. */
  readonly costs: (variant: Variant) => Costs<string>;
  /** Recorded hashes hold the table: it is measured, and never written. */
  readonly fixed?: true;
  readonly layers: (variant: Variant) => Layer[];
}

const random = new Random(1);

const quantization = (scale: number, zeroPoint = 0): Quantization => ({ scale: Float32Array.of(scale), zeroPoint });

/** A graph of one int8 node with an output of the usual size. */
function int8<A>(op: Op<A>, image: Shape, weight: Shape, attrs: A): Graph {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: image, dtype: "i8", batched: true, quantization: quantization(0.02, 3) });
  const data = Int8Array.from({ length: size(weight) }, () => random.integer(255) - 127);
  const type = { shape: weight, dtype: "i8", batched: false, quantization: quantization(0.01) } as const;
  const w = graph.state("weight", "w", type, data);
  graph.results = [graph.one(op, [x, w], { ...attrs, quantization: quantization(0.05 * Math.sqrt(size(weight))) })];
  return graph;
}

type Sizes = readonly [pixels: number, channels: number, outs: number, kernel: number];

const named = ([pixels, channels, outs, kernel]: Sizes): string =>
  `${pixels}x${pixels}x${channels} -> ${outs}, ${kernel}x${kernel}`;

/** The pads of "same" for odd kernels. */
const same = (kernel: number) => {
  const pad = kernel >> 1;
  return { ...plainWindow, pads: [pad, pad, pad, pad] as const };
};

const sizeOf = ([pixels, channels, outs, kernel]: Sizes) => ({
  cin: channels,
  cout: outs,
  kh: kernel,
  kw: kernel,
  stride_h: 1,
  stride_w: 1,
  oh: pixels,
  ow: pixels,
});

const kGroups = (variant: Variant, [, channels, , kernel]: Sizes): number =>
  groupsOf(variant, kernel, kernel * channels);

const convolution = (sizes: Sizes) => {
  const [pixels, channels, outs, kernel] = sizes;
  return int8(conv2d, [pixels, pixels, channels], [outs, kernel, kernel, channels], { ...same(kernel), groups: 1 });
};

const each = <T, U>(list: readonly T[], make: (item: T) => U[]): U[] => list.flatMap(make);

const WINOGRAD: Sizes[] = each([4, 5, 6, 7, 8, 12, 16, 28], pixels =>
  each([8, 16, 32, 64], channels => [8, 12, 32, 64].map((outs): Sizes => [pixels, channels, outs, 3])),
).filter(([pixels, channels, outs]) => pixels ** 2 * channels * outs <= 2 ** 18);

const convolutions = (variant: Variant): Layer[] =>
  WINOGRAD.map(sizes => {
    const [pixels, , outs] = sizes;
    const direct = directWork(pixels * pixels, outs, kGroups(variant, sizes));
    const work = { winograd: winogradWork(sizeOf(sizes)), direct };
    return { name: named(sizes), graph: convolution(sizes), batch: 1, work };
  });

/** Pixels are those of the pooled image. */
const POOLED: Sizes[] = each([4, 6, 8, 12, 14], pixels =>
  each([1, 2, 3, 6, 8, 16, 32], channels =>
    each([4, 6, 8, 16, 20, 32], outs => [3, 5].map((kernel): Sizes => [pixels, channels, outs, kernel])),
  ),
).filter((_, i) => i % 5 === 0);

const pooled = (variant: Variant): Layer[] =>
  POOLED.map(sizes => {
    const [pixels, channels, outs, kernel] = sizes;
    const side = 2 * pixels + kernel - 1;
    const attrs = { ...plainWindow, groups: 1 };
    const of = sizeOf(sizes);
    return {
      name: named(sizes),
      graph: int8(conv2dMaxPool2d, [side, side, channels], [outs, kernel, kernel, channels], attrs),
      batch: 1,
      work: {
        oneChannel: oneChannelWork(variant, of),
        fir: firWork(of),
        direct: directWork(4 * pixels * pixels, outs, kGroups(variant, sizes)),
      },
    };
  });

const DENSE = [
  [64, 10],
  [120, 84],
  [256, 64],
  [784, 128],
  [1024, 256],
] as const;

const denses = (variant: Variant): Layer[] =>
  each(DENSE, ([length, outs]) =>
    [1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 32].map(batch => ({
      name: `${batch} x ${length} -> ${outs}`,
      graph: int8(dense, [length], [outs, length], {}),
      batch,
      work: denseWorks(variant, batch, length, outs),
    })),
  );

const FLOATS: Sizes[] = each([4, 5, 8, 12], pixels =>
  each([1, 2, 3, 4, 6, 8, 16], channels =>
    each([6, 16, 32], outs => [3, 5].map((kernel): Sizes => [pixels, channels, outs, kernel])),
  ),
).filter((_, i) => i % 3 === 0);

const floats = (): Layer[] =>
  FLOATS.map(sizes => {
    const [pixels, channels, outs, kernel] = sizes;
    const side = 2 * pixels + kernel - 1;
    const [image, weight] = [
      [side, side, channels],
      [outs, kernel, kernel, channels],
    ];
    const graph = new Graph();
    const x = graph.leaf("input", "x", { shape: image, dtype: "f32", batched: true });
    const data = Float32Array.from({ length: size(weight) }, () => random.uniform(-1, 1));
    const w = graph.state("weight", "w", { shape: weight, dtype: "f32", batched: false }, data);
    graph.results = [graph.add(conv2dReluMaxPool2d, [x, w], {})[0]!];
    const rows = pixels * pixels * outs * kernel;
    const works = Object.entries(forwardWorks(image, weight)!);
    return {
      name: named(sizes),
      graph,
      batch: 1,
      work: Object.fromEntries(works.map(([name, work]) => [name, work?.map(amount => amount * rows)])),
    };
  });

export const FAMILIES: Family[] = [
  { name: "i8Conv2d", file: "i8-conv2d", binary: RUN, costs: variant => i8Conv2d[variant], layers: convolutions },
  {
    name: "i8Conv2dMaxPool2d",
    file: "i8-conv2d-max-pool2d",
    binary: RUN,
    costs: variant => i8Conv2dMaxPool2d[variant],
    layers: pooled,
  },
  { name: "i8Dense", file: "i8-dense", binary: RUN, costs: variant => i8Dense[variant], layers: denses },
  {
    name: "f32Conv2dReluMaxPool2d",
    file: "f32-conv2d-relu-max-pool2d",
    binary: TRAIN,
    costs: () => f32Conv2dReluMaxPool2d,
    fixed: true,
    layers: floats,
  },
];
