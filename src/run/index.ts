/**
 * `penjing/run`: networks that only run. A page that shows digits needs nothing else.
 *
 *     const net = await load("digits.penjing");
 *     const scores = net.predict(pixels);
 */
import { knownOptions } from "../base/errors.ts";
import type { Source } from "../base/source.ts";
import { readFrom } from "../container/read.ts";
import { compile } from "../kernels/load.ts";
import { RUN } from "../kernels/load-run.ts";
import { Net, type NetOptions } from "./net.ts";

export { PenjingError } from "../base/errors.ts";
export type { Shape } from "../base/shape.ts";
export type { Source } from "../base/source.ts";
export type { Preprocessing } from "../container/extras.ts";
export { chooseVariant, forceVariant, type Support, supported, type Variant } from "../kernels/load.ts";
export { Net, type NetOptions } from "./net.ts";

export interface LoadOptions extends NetOptions {
  /** Stops the download. */
  signal?: AbortSignal;
}

/**
 * A network from a file: a path, URL, File, Blob, Buffer, ArrayBuffer or typed array.
 * Labels and preprocessing are the file's, unless given. Errors: PenjingError with code `missing`, `unreadable`, `magic`, `version`, `truncated`,
 * `checksum`, `op`, `damaged` and, where the file says more than its bytes, `offset`; "no-simd" on an engine without SIMD.
 */
export async function load(source: Source, { signal, ...options }: LoadOptions = {}): Promise<Net> {
  knownOptions("options", options, ["capacity", "variant", "preprocessing", "labels", "warmUp"]);
  void compile(RUN, options.variant); // goes on while the file is read
  const { graph, labels, preprocessing } = await readFrom(source, signal ? { signal } : {});
  return Net.create(graph, { ...(labels && { labels }), ...(preprocessing && { preprocessing }), ...options });
}
