/** Removes what is dead in a network, without a change of its answers. */
import { naming } from "../base/errors.ts";
import { size } from "../base/shape.ts";
import type { Graph, Node, RewriteRule, Value } from "../graph/graph.ts";
import type { Model } from "../model/model.ts";
import { add } from "../ops/arithmetic/add.ts";
import { sub } from "../ops/arithmetic/sub.ts";
import { conv2d } from "../ops/convolution/conv2d.ts";
import { hasKernel } from "../ops/traits.ts";
import type { AxisClass } from "../passes/axes.ts";
import { type Constants, constantsOf } from "../passes/constants.ts";
import { type ChannelGroup, Channels } from "./channels.ts";
import { derived, resizedParts } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";

/**
 * Returns a new model without dead channels and neurons. The others keep their order, and the answers are the same to
 * rounding. A channel is dead where nothing reads it (all weights that read it are zero), where it is zero for any
 * input (all of its own weights and biases are zero), or where it is constant: behind a bias and an activation it is
 * some number. What that number adds to the layers that read it moves into their biases, but only where this is exact.
 * It is not in front of a convolution with padding, which reads zeros at the borders instead; there, and where a layer
 * has no bias of its own, the channel stays. Branches that add only zeros are removed too, unless the model has hooks
 * that may train them. At least one channel of each layer stays.
 *
 *     const lean = simplify(pruned);          // after pruning of rows and columns, or with gates that became zero
 *
 * Masks and gates become smaller with their weights: a weight is dead where its mask is zero now.
 * Errors: PenjingError "quantized" of a network of integers, "refused" for a layer whose channels are unknown.
 */
export function simplify(model: Model): Model {
  return naming("simplify", () => {
    checkFloatModel(model, "simplify");
    const { graph: copy } = model.graph.copy();
    let graph = copy;
    for (;;) {
      const constants = constantsOf(graph);
      if (!model.hooks.length && graph.rewrite([withoutZeros(constants)])) continue;
      const smaller = withoutDead(graph, constants);
      if (!smaller) break;
      graph = smaller;
    }
    graph.prune();
    return derived(model, graph, { name: "simplify" }, resizedParts(model, graph));
  });
}

/** x + 0, 0 + x and x - 0 are x. */
const withoutZeros =
  (constants: Constants): RewriteRule =>
  node => {
    if (node.op !== add && node.op !== sub) return;
    const [a, b] = node.inputs;
    const zero = (v: Value): boolean => constants.get(v)?.every(number => number === 0) ?? false;
    if (zero(b!)) return [a];
    return node.op === add && zero(a!) ? [b] : undefined;
  };

/** The numbers that layers need in their biases once a channel they read is removed: one for each output. */
type Shares = Map<Node, Float64Array>;

/**
 * The graph without the channels that are dead now, or undefined where there are none. What stays keeps its numbers, so
 * that one look at the constants serves all groups; but a layer takes the shares of one group at a time, as a number
 * may belong to channels of two, such as those of a grouped convolution.
 */
function withoutDead(graph: Graph, constants: Constants): Graph | undefined {
  const channels = new Channels(graph);
  const taken: (readonly [AxisClass, number[]])[] = [];
  const takers = new Map<Node, ChannelGroup>();
  for (const group of channels.groups) {
    const readers = readersOf(channels, group);
    const kept: number[] = [];
    for (let channel = 0; channel < group.size; channel++) {
      const last = channel === group.size - 1 && !kept.length;
      const shares = last ? undefined : sharesOf(graph, readers, channel, constants);
      if (shares && [...shares.keys()].every(node => (takers.get(node) ?? group) === group)) {
        for (const node of shares.keys()) takers.set(node, group);
        move(shares);
      } else kept.push(channel);
    }
    if (kept.length < group.size) taken.push([group.axis, kept]);
  }
  return taken.length ? channels.axes.selectAll(taken) : undefined;
}

/**
 * A layer that reads channels of a group: which element of its input, and position along its kernel's depth, is which.
 */
interface Reader {
  readonly node: Node;
  /** The channel of each number of one image of its input. */
  readonly elements: Int32Array;
  /** The channel of each position along the last axis of its kernel. */
  readonly depth: Int32Array;
}

function readersOf({ graph, axes }: Channels, { axis }: ChannelGroup): Reader[] {
  const places = new Set(axis.places.map(({ value, axis }) => `${value.id}.${axis}`));
  return graph.nodes.filter(hasKernel).flatMap(node => {
    const [x, kernel] = node.inputs as [Value, Value];
    const last = kernel.type.shape.length - 1;
    if (!places.has(`${kernel.id}.${last}`)) return [];
    const along = axes.indexAlong({ value: x, axis: x.type.shape.length - 1 }, axis);
    const elements = Int32Array.from({ length: size(x.type.shape) }, (_, i) => along[i % along.length]!);
    return [{ node, elements, depth: axes.indexAlong({ value: kernel, axis: last }, axis) }];
  });
}

/** The shares of a channel in all that read it; undefined: it is not dead, or they cannot move. */
function sharesOf(graph: Graph, readers: readonly Reader[], channel: number, constants: Constants): Shares | undefined {
  const shares: Shares = new Map();
  for (const { node, elements, depth } of readers) {
    const [x, kernel] = node.inputs.map(v => constants.get(v)!) as [Float64Array, Float64Array];
    if (kernel.some(Number.isNaN)) return undefined;
    if (kernel.every((w, i) => depth[i % depth.length] !== channel || w === 0)) continue;
    if (elements.every((of, i) => of !== channel || x[i] === 0)) continue;
    const bias = node.inputs[2];
    const own = bias?.leaf === "state" && bias.data && graph.onlyUser(bias) === node;
    const share = own && constantShare(node, elements, depth, channel, x, kernel);
    if (!share) return undefined;
    shares.set(node, share);
  }
  return shares;
}

/**
 * For each output, the sum of products with a channel that is constant; undefined: it is not the same at all pixels.
 */
function constantShare(
  node: Node,
  elements: Int32Array,
  depth: Int32Array,
  channel: number,
  x: Float64Array,
  kernel: Float64Array,
): Float64Array | undefined {
  const [filters] = node.inputs[1]!.type.shape as [number];
  const share = new Float64Array(filters);
  const length = kernel.length / filters;
  if (node.op !== conv2d) {
    // dense: one product for each element
    for (let i = 0; i < elements.length; i++) {
      if (elements[i] !== channel) continue;
      if (Number.isNaN(x[i]!)) return undefined;
      for (let o = 0; o < filters; o++) share[o]! += x[i]! * kernel[o * length + i]!;
    }
    return share;
  }
  if (node.attrs.pads.some((pad: number) => pad !== 0)) return undefined;
  // the constant of each channel of the image, which must be the same at all pixels
  const wide = node.inputs[0]!.type.shape.at(-1)!;
  const numbers = x.slice(0, wide);
  for (let i = 0; i < x.length; i++)
    if (elements[i] === channel && (Number.isNaN(x[i]!) || x[i] !== numbers[i % wide])) return undefined;
  const each = filters / node.attrs.groups;
  for (let o = 0; o < filters; o++)
    for (let i = 0; i < length; i++) {
      const d = i % depth.length;
      if (depth[d] !== channel) continue;
      share[o]! += numbers[Math.floor(o / each) * depth.length + d]! * kernel[o * length + i]!;
    }
  return share;
}

/** Adds the shares to the biases. */
function move(shares: Shares): void {
  for (const [{ inputs }, share] of shares) {
    const bias = inputs[2]!;
    bias.data = Float32Array.from(bias.data!, (v, o) => v + share[o]!);
  }
}
