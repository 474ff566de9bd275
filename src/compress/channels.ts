/**
 * Groups of channels that can only be removed together: the filters of a convolution or the neurons of a dense layer,
 * with all that a residual addition, a concatenation, a depthwise convolution or a flatten ties to them. The indices of
 * the network's inputs and outputs are in none.
 */
import { wrongType, wrongValue } from "../base/errors.ts";
import type { Axis } from "../graph/axes.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { batchNormalization } from "../ops/normalization/batch-normalization.ts";
import { hasKernel } from "../ops/traits.ts";
import { type AxisClass, GraphAxes } from "../passes/axes.ts";

/** Weights with an axis, most often the first, whose positions belong to the channels of a group. */
export interface Filters {
  readonly weight: Value;
  /** The channel of each position along axis 0; -1: of another group. */
  readonly channels: Int32Array;
}

export interface ChannelGroup {
  readonly axis: AxisClass;
  /** The number of channels. */
  readonly size: number;
  /** The layers whose filters or neurons they are, in the order of the graph. */
  readonly layers: readonly string[];
  /** Their kernels: states, or what stands on the edge of a state. */
  readonly kernels: readonly Filters[];
  /** Their biases. */
  readonly biases: readonly Filters[];
}

/** The learned gammas of batch normalization behind a group's channels. */
export function gammasOf(graph: Graph, { axis }: ChannelGroup): Value[] {
  const has = new Set(axis.places.map(({ value }) => value));
  const all = graph.nodes.filter(node => node.op === batchNormalization).map(node => stateOf(node.inputs[1]!));
  return [...new Set(all)].filter(gamma => has.has(gamma) && gamma.role === "weight");
}

/** The state at the beginning of a weight's edge. */
function stateOf(value: Value): Value {
  let state = value;
  while (state.node?.op.weightEdge) state = state.node.inputs[0]!;
  return state;
}

/** The channels of a layer: their group, and the outputs of the layer that each of them stands for. */
export interface LayerChannels {
  readonly group: ChannelGroup;
  /** More than 1 of a grouped convolution, and of a depthwise one with a multiplier. */
  readonly outputs: number;
}

/** Names of layers, or a function that chooses among those with channels of their own. */
export type ChannelLayerSelection = readonly string[] | ((layer: ChannelLayer) => boolean);

export interface ChannelLayer {
  readonly name: string;
  /** "conv2d", "dense", "depthwiseConv2d". */
  readonly op: string;
  /** The stored shape of its kernel: [out][kh][kw][in] or [out][in]. */
  readonly shape: readonly number[];
}

export class Channels {
  readonly graph: Graph;
  readonly axes: GraphAxes;
  /** In the order of the layers. */
  readonly groups: readonly ChannelGroup[];
  readonly #layers = new Map<string, { node: Node; axis: Axis }>();

  /** Errors: PenjingError "refused" that names a layer whose channels are unknown. */
  constructor(graph: Graph) {
    this.graph = graph;
    this.axes = new GraphAxes(graph);
    // a layer that is made of several ops, such as a separable convolution, has the channels of its last one
    for (const node of graph.nodes)
      if (hasKernel(node))
        this.#layers.set(node.name, { node, axis: this.axes.of({ value: node.inputs[1]!, axis: 0 }) });
    const groups = this.axes
      .classes()
      .filter(axis => !axis.fixed && !axis.whole)
      .map(axis => this.#group(axis))
      .filter(group => group.kernels.length);
    const first = new Map(graph.nodes.map((node, i) => [node.name, i] as const).reverse());
    this.groups = groups.sort((a, b) => first.get(a.layers[0]!)! - first.get(b.layers[0]!)!);
  }

  #group(axis: AxisClass): ChannelGroup {
    const layers = new Set<string>();
    const kernels = new Map<Value, Filters>();
    const biases = new Map<Value, Filters>();
    const has = new Set(axis.places.filter(place => place.axis === 0).map(({ value }) => value));
    for (const node of this.graph.nodes) {
      if (!hasKernel(node)) continue;
      const [, kernel, bias] = node.inputs;
      if (!has.has(kernel!)) continue;
      const channels = this.axes.indexAlong({ value: kernel!, axis: 0 }, axis);
      layers.add(node.name);
      kernels.set(kernel!, { weight: kernel!, channels });
      if (bias) biases.set(bias, { weight: bias, channels });
    }
    return { axis, size: axis.size, layers: [...layers], kernels: [...kernels.values()], biases: [...biases.values()] };
  }

  /** Names of the layers with channels of their own, which may be removed. */
  get layers(): string[] {
    return [...this.#layers.keys()].filter(name => this.#own(name));
  }

  #own(name: string): ChannelGroup | undefined {
    const axis = this.#layers.get(name)?.axis;
    const last = axis?.kind === "product" ? axis.factors.findLast(factor => this.#of(factor)) : axis;
    return last && this.#of(last);
  }

  #of(axis: Axis): ChannelGroup | undefined {
    return this.groups.find(group => group.axis.indices === axis);
  }

  /**
   * Finds the channels of a layer. Of a grouped convolution these are the filters of each of its groups. A RangeError
   * for a name that is none, and for a layer whose outputs the network's result fixes, or those of several layers are.
   */
  of(what: string, name: string): LayerChannels {
    const group = this.#own(name);
    if (!group)
      throw wrongValue(what, `layers with channels of their own that may be removed (${this.layers.join(", ")})`, name);
    return { group, outputs: this.#layers.get(name)!.axis.size / group.size };
  }

  /** Picks the groups of the chosen layers. What several layers share is chosen with any of them. */
  select(layers: ChannelLayerSelection = () => true): ChannelGroup[] {
    const names = [...this.#layers.keys()].filter(name => this.groups.some(group => group.layers.includes(name)));
    if (!names.length)
      throw wrongValue("model", "a model with channels between its layers, which could be removed", "none");
    let chosen: readonly string[];
    if (typeof layers === "function")
      chosen = names.filter(name => {
        const { node } = this.#layers.get(name)!;
        return layers({ name, op: node.op.name, shape: node.inputs[1]!.type.shape });
      });
    else if (Array.isArray(layers)) chosen = layers;
    else throw wrongType("layers", "names of layers or a function", layers);
    if (!chosen.length) throw wrongValue("layers", `a choice of at least one of ${names.join(", ")}`, "none");
    for (const name of chosen)
      if (!names.includes(name))
        throw wrongValue("layers", `layers with channels that may be removed (${names.join(", ")})`, name);
    return this.groups.filter(group => group.layers.some(name => chosen.includes(name)));
  }
}
