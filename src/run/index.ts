/**
 * `penjing/run`: inference only. A page that classifies digits needs nothing else.
 *
 *     const net = await load("digits.penjing");
 *     const [best] = net.classify(canvas.getContext("2d").getImageData(0, 0, 28, 28));
 */
import { Budget, type BudgetOptions } from "../base/budget.ts";
import { PenjingError } from "../base/errors.ts";
import type { Source } from "../base/source.ts";
import { readFrom } from "../container/read.ts";
import { compile } from "../kernels/load.ts";
import { RUN } from "../kernels/load-run.ts";
import { checkPreprocessing } from "./inputs.ts";
import { checkOptions, Net, type NetOptions } from "./net.ts";

export type { BudgetOptions } from "../base/budget.ts";

export { PenjingError } from "../base/errors.ts";
export type { DType, Shape, TypedArray } from "../base/shape.ts";
export type { Source } from "../base/source.ts";
export type { Preprocessing } from "../container/extras.ts";
export {
  chooseVariant,
  forceVariant,
  type RelaxedDot,
  type Support,
  supported,
  type Variant,
} from "../kernels/load.ts";
export type { Classification } from "./classes.ts";
export type { Input, Nested, Picture, Port } from "./inputs.ts";
export {
  type Arena,
  type ClassifyOptions,
  type Inputs,
  type IntoOptions,
  Net,
  type NetOptions,
  type Numbers,
  type Reals,
} from "./net.ts";
export type { Output } from "./outputs.ts";

export interface LoadOptions extends NetOptions, BudgetOptions {
  /** Aborts the download. */
  signal?: AbortSignal;
}

/** Codes of errors about the engine or the budget rather than the file; an op without a kernel is `refused`. */
const NOT_DAMAGE: readonly string[] = ["budget", "memory", "no-simd", "no-relaxed-simd", "refused"];

/**
 * A network from a file: a path, URL, File, Blob, Buffer, ArrayBuffer or typed array. Name, labels, preprocessing and
 * metadata are the file's, unless given.
 *
 * Errors: TypeError or RangeError for a wrong option. Whatever is wrong with the file is a PenjingError, with the byte
 * in `offset` where it is about one:
 *
 * - `missing`, `unreadable`: the file system or server said so
 * - `magic`, `version`, `truncated`, `checksum`, `op`, `codec`, `damaged`: docs/container.md
 * - `refused`: it asks for what no kernel computes, or for int8 sums that could leave 32 bits
 * - `budget`: it needs more memory than `maxBytes`, or more work than `maxMacs`
 * - `no-simd`, `no-relaxed-simd`: the engine cannot run it; `memory`: there is no room
 */
export async function load(source: Source, { signal, maxBytes, maxMacs, ...options }: LoadOptions = {}): Promise<Net> {
  checkOptions(options);
  const budget = new Budget({ maxBytes, maxMacs });
  void compile(RUN, options.variant); // continues while the file is read
  const { graph, name, labels, preprocessing, metadata } = await readFrom(source, {
    budget,
    ...(signal && { signal }),
  });
  if (options.preprocessing) checkPreprocessing(options.preprocessing, graph);
  try {
    if (preprocessing) checkPreprocessing(preprocessing, graph);
    const said = {
      ...(name && { name }),
      ...(labels && { labels }),
      ...(preprocessing && { preprocessing }),
      ...(metadata && { metadata }),
    };
    return await Net.taking(graph, { ...said, ...options }, budget);
  } catch (cause) {
    // the options have been checked by now
    if (cause instanceof PenjingError && NOT_DAMAGE.includes(cause.code)) throw cause;
    const path = typeof source === "string" || source instanceof URL ? String(source) : undefined;
    throw new PenjingError("damaged", `what the file says cannot be: ${(cause as Error).message}`, { path, cause });
  }
}
