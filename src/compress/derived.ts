/** The model that a step of compression makes of another one. */
import { Dataset } from "../data/dataset.ts";
import type { Graph } from "../graph/graph.ts";
import { Model, type ModelParts } from "../model/model.ts";

export interface DerivingStep {
  /** The function that was called: "pruneOnce". */
  name: string;
  /** The options it was given, for reports: functions appear by their names, data sets by their lengths. */
  options?: object | undefined;
}

/**
 * A model over `graph` that has the name, labels and other parts of `from`, but for `parts`, and whose report begins
 * with the rows of `from`. Nothing in it keeps `from` alive.
 */
export function derived(from: Model, graph: Graph, step: DerivingStep, parts: Partial<ModelParts> = {}): Model {
  const options = step.options && shownOptions(step.options);
  const report = from.report.followedBy(step.name, options && Object.keys(options).length ? options : undefined);
  return new Model(graph, { ...from.parts(), ...parts, report });
}

/**
 * The parts that a model takes along to a graph in which layers have fewer channels, or are gone: the hooks that go on,
 * and the penalties of weights that are there.
 */
export function resizedParts(from: Model, graph: Graph): Pick<ModelParts, "hooks" | "regularizers"> {
  const { hooks = [] } = from.parts();
  return {
    hooks: hooks.map(hook => hook.resized?.(graph) ?? hook),
    regularizers: new Map([...from.regularizers].filter(([name]) => graph.leafOf(name))),
  };
}

/** Options that say nothing about the result. */
const PASSING = ["signal", "onProgress"];

/** Options as JSON can hold them. */
const shownOptions = (options: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(options)
      .filter(([key, value]) => value !== undefined && !PASSING.includes(key))
      .map(([key, value]) => [key, shownOption(value)]),
  );

function shownOption(value: unknown): unknown {
  if (typeof value === "function") return value.name ? `function ${value.name}` : "a function";
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Dataset) return `${value.length} samples`;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as ArrayLike<unknown>, shownOption);
  // schedules, criteria: what they are made of says more than their methods
  const own = Object.entries(value).filter(([, part]) => part !== undefined && typeof part !== "function");
  return Object.fromEntries(own.map(([key, part]) => [key, shownOption(part)]));
}
