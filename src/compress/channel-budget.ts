/** Chooses how many channels each group keeps: a share, numbers by layer, or a budget for the whole network. */
import { integer, knownOptions, number, wrongType, wrongValue } from "../base/errors.ts";
import { ChannelCost, COSTS, type Cost } from "./channel-cost.ts";
import type { ChannelGroup, Channels } from "./channels.ts";

/** See `slim`. */
export type Keep = number | Readonly<Record<string, number>>;

/** Importance of each channel of a group, >= 0: the least goes first. */
export type Scores = ReadonlyMap<ChannelGroup, ArrayLike<number>>;

/** Channels in descending order of their scores; among equals the first stay. */
export const ranked = (scores: ArrayLike<number>): number[] =>
  Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);

/** Returns the budget, if it is one. */
export function budgetOf(keep: Keep): { cost: Cost; share: number } | undefined {
  if (typeof keep !== "object" || keep === null) return undefined;
  const cost = COSTS.find(name => name in keep);
  if (!cost) return undefined;
  if (COSTS.every(name => name in keep)) throw new TypeError('"keep" expected { macs } or { parameters }, got both');
  knownOptions("keep", keep, [cost]);
  return { cost, share: number(`keep.${cost}`, keep[cost], { above: 0, max: 1 }) };
}

/** The nearest multiple of `multipleOf` to a number of channels, half up; a group that is smaller stays as it is. */
export function roundedSize(wanted: number, size: number, multipleOf: number): number {
  const rounded = multipleOf * Math.max(1, Math.floor(wanted / multipleOf + 0.5));
  return Math.min(rounded, size);
}

/** Sizes of the chosen groups by a share of each, or by the names of layers. */
export function sizesByLayer(
  channels: Channels,
  chosen: readonly ChannelGroup[],
  keep: Keep,
  multipleOf: number,
): Map<ChannelGroup, number> {
  if (typeof keep === "number") {
    number("keep", keep, { above: 0, max: 1 });
    return new Map(chosen.map(group => [group, roundedSize(keep * group.size, group.size, multipleOf)]));
  }
  if (keep === null || typeof keep !== "object" || Array.isArray(keep))
    throw wrongType("keep", "a share, channels by the names of layers, { macs } or { parameters }", keep);
  const sizes = new Map<ChannelGroup, number>();
  const names = new Map<ChannelGroup, string>();
  for (const [name, wanted] of Object.entries(keep)) {
    const { group, outputs } = channels.of("keep", name);
    const what = `keep.${name}`;
    if (!chosen.includes(group)) throw wrongValue("keep", 'layers that "layers" chooses', name);
    integer(what, wanted, 1, group.size * outputs);
    if (wanted % outputs) throw wrongValue(what, `a multiple of the layer's ${outputs} groups of outputs`, wanted);
    const count = wanted / outputs;
    if (count % multipleOf && count !== group.size) throw wrongValue(what, `a multiple of ${multipleOf}`, wanted);
    if (sizes.has(group) && sizes.get(group) !== count)
      throw wrongValue(what, `as many channels as "${names.get(group)}", which shares them,`, wanted);
    sizes.set(group, count);
    names.set(group, name);
  }
  if (!sizes.size) throw wrongValue("keep", "a number of channels for at least one layer", "none");
  return sizes;
}

/**
 * Sizes that meet a budget, as near as can be from below. The damage to a group is
 *
 *     (scores of all its channels) / (scores of the channels that are left)
 *
 * which makes groups with scores of any magnitude comparable, and protects each the more the smaller it gets. One step
 * after the other removes the channel, or the `multipleOf` channels, that add the least damage for what the network
 * then costs less; among equals those of the first group. Then channels that still fit come back, the last removed
 * first. A RangeError where all that may be removed is not enough.
 */
export function sizesByBudget(
  channels: Channels,
  chosen: readonly ChannelGroup[],
  scores: Scores,
  { cost: counted, share }: { cost: Cost; share: number },
  multipleOf: number,
): Map<ChannelGroup, number> {
  const cost = new ChannelCost(channels, counted);
  const whole = cost.total;
  const limit = share * whole;
  const order = new Map(chosen.map(group => [group, ranked(scores.get(group)!)]));
  const smaller = (group: ChannelGroup): number => {
    const now = cost.sizeOf(group);
    return multipleOf * Math.floor((now - 1) / multipleOf);
  };
  const sumOf = (group: ChannelGroup, from: number, to: number): number =>
    order
      .get(group)!
      .slice(from, to)
      .reduce((sum, i) => sum + scores.get(group)![i]!, 0);
  const price = (group: ChannelGroup): number | undefined => {
    const [now, to] = [cost.sizeOf(group), smaller(group)];
    if (to < 1) return undefined;
    const lost = sumOf(group, to, now);
    if (lost === 0) return 0;
    const damage = sumOf(group, 0, group.size) * (1 / sumOf(group, 0, to) - 1 / sumOf(group, 0, now));
    return damage / cost.saved(group, to);
  };
  const prices = new Map(chosen.map(group => [group, price(group)]));
  const removed: { group: ChannelGroup; from: number }[] = [];
  while (cost.total > limit) {
    let best: ChannelGroup | undefined;
    for (const group of chosen) {
      const offer = prices.get(group);
      if (offer !== undefined && (best === undefined || offer < prices.get(best)!)) best = group;
    }
    if (!best) {
      const least = (cost.total / whole).toFixed(4);
      throw wrongValue(`keep.${counted}`, `a share >= ${least}, which is all that can be removed here`, share);
    }
    removed.push({ group: best, from: cost.sizeOf(best) });
    cost.resize(best, smaller(best));
    for (const group of cost.neighbours(best)) if (prices.has(group)) prices.set(group, price(group));
  }
  const full = new Set<ChannelGroup>();
  for (const { group, from } of removed.reverse()) {
    if (full.has(group)) continue;
    if (cost.total - cost.saved(group, from) <= limit) cost.resize(group, from);
    else full.add(group);
  }
  return new Map(chosen.map(group => [group, cost.sizeOf(group)]));
}
