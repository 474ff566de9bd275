/** The axis orders of kernels that a file names: those of layers such as conv1d, which are made of other ops. */
import { PenjingError, show } from "../base/errors.ts";
import type { Graph, KernelLayout, Value } from "../graph/graph.ts";

/** True for the kernels that an order describes, which are [out][height][width][in] in memory. */
const DESCRIBES: Partial<Record<KernelLayout, (kernel: Value) => boolean>> = {
  sequence: ({ type: { shape } }) => shape.length === 4 && shape[1] === 1,
  transposed: ({ type: { shape } }) => shape.length === 4,
};

/** Sets `layout` of the kernels that `layouts`, the JSON of a file, names. Throws a PenjingError, `damaged`. */
export function restoreLayouts(graph: Graph, layouts: unknown): void {
  if (layouts === undefined) return;
  if (layouts === null || typeof layouts !== "object") throw damaged("layouts are no object");
  for (const [name, layout] of Object.entries(layouts)) {
    const kernel = graph.leafOf(name);
    const describes = Object.hasOwn(DESCRIBES, layout) ? DESCRIBES[layout as KernelLayout] : undefined;
    if (!kernel || !describes?.(kernel)) throw damaged(`${show(name)} is no kernel with the layout ${show(layout)}`);
    kernel.layout = layout as KernelLayout;
  }
}

const damaged = (what: string): PenjingError => new PenjingError("damaged", `what the file says cannot be: ${what}`);
