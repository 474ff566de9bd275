/**
 * `penjing/run`: networks that only run. A page that shows digits needs nothing else.
 *
 *     const net = await load("digits.penjing");
 *     const [best] = net.classify(canvas.getContext("2d").getImageData(0, 0, 28, 28));
 */
import { knownOptions } from "../base/errors.ts";
import type { Source } from "../base/source.ts";
import { readFrom } from "../container/read.ts";
import { compile } from "../kernels/load.ts";
import { RUN } from "../kernels/load-run.ts";
import { NET_OPTIONS, Net, type NetOptions } from "./net.ts";

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

export interface LoadOptions extends NetOptions {
  /** Stops the download. */
  signal?: AbortSignal;
}

/**
 * A network from a file: a path, URL, File, Blob, Buffer, ArrayBuffer or typed array.
 * Name, labels, preprocessing and metadata are the file's, unless given. Errors: TypeError or RangeError for a wrong option; PenjingError with code
 * `missing`, `unreadable`, `magic`, `version`, `truncated`, `checksum`, `op` or `damaged`, with the byte in `offset` where it is about one;
 * `refused` for int8 layers whose sums could leave 32 bits; `no-simd` on an engine without SIMD, `memory` where there is no room.
 */
export async function load(source: Source, { signal, ...options }: LoadOptions = {}): Promise<Net> {
  knownOptions("options", options, NET_OPTIONS);
  void compile(RUN, options.variant); // goes on while the file is read
  const { graph, name, labels, preprocessing, metadata } = await readFrom(source, signal ? { signal } : {});
  return Net.taking(graph, {
    ...(name && { name }),
    ...(labels && { labels }),
    ...(preprocessing && { preprocessing }),
    ...(metadata && { metadata }),
    ...options,
  });
}
