/** Multiply-accumulates and parameters of a network whose groups of channels have other sizes. */
import { size } from "../base/shape.ts";
import type { Indices } from "../graph/axes.ts";
import type { Node, Value } from "../graph/graph.ts";
import { weightsOf } from "../model/weights.ts";
import { COST, type OpName } from "../ops/index.ts";
import type { ChannelGroup, Channels } from "./channels.ts";

/** The quantities that a budget may limit. */
export const COSTS = ["macs", "parameters"] as const;
export type Cost = (typeof COSTS)[number];

/** One node or weight whose cost depends on the sizes of groups. */
type Part = Node | Value;

export class ChannelCost {
  readonly #channels: Channels;
  /** The parts whose cost a group's size changes. */
  readonly #parts = new Map<ChannelGroup, readonly Part[]>();
  readonly #sizes = new Map<Indices, number>();
  readonly #costs = new Map<Part, number>();
  readonly #of: (part: Part, sizes: ReadonlyMap<Indices, number>) => number;
  #total: number;

  constructor(channels: Channels, cost: Cost) {
    this.#channels = channels;
    const { graph, axes } = channels;
    const parts: readonly Part[] = cost === "macs" ? graph.nodes : weightsOf(graph);
    this.#of = (part, sizes) =>
      "op" in part ? COST[part.op.name as OpName](axes.nodeWith(part, sizes)).macs : size(axes.shapeWith(part, sizes));
    for (const part of parts) this.#costs.set(part, this.#of(part, this.#sizes));
    this.#total = [...this.#costs.values()].reduce((a, b) => a + b, 0);
    for (const group of channels.groups) {
      const values = new Set(group.axis.places.map(({ value }) => value));
      const touched = (part: Part) =>
        "op" in part ? [...part.inputs, ...part.outputs].some(v => values.has(v)) : values.has(part);
      this.#parts.set(group, parts.filter(touched));
    }
  }

  /** The cost of the network with the sizes as they are now. */
  get total(): number {
    return this.#total;
  }

  sizeOf(group: ChannelGroup): number {
    return this.#sizes.get(group.axis.indices) ?? group.size;
  }

  /** Computes what the network would save with `to` channels in a group. */
  saved(group: ChannelGroup, to: number): number {
    const sizes = new Map(this.#sizes).set(group.axis.indices, to);
    return this.#parts.get(group)!.reduce((sum, part) => sum + this.#costs.get(part)! - this.#of(part, sizes), 0);
  }

  resize(group: ChannelGroup, to: number): void {
    this.#sizes.set(group.axis.indices, to);
    for (const part of this.#parts.get(group)!) {
      const cost = this.#of(part, this.#sizes);
      this.#total += cost - this.#costs.get(part)!;
      this.#costs.set(part, cost);
    }
  }

  /** The groups whose savings depend on the size of this one, itself among them. */
  neighbours(group: ChannelGroup): ChannelGroup[] {
    const own = new Set(this.#parts.get(group));
    return this.#channels.groups.filter(other => this.#parts.get(other)!.some(part => own.has(part)));
  }
}
