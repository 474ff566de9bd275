/** Options of all pages. */
import { knownOptions, wrongType } from "../base/errors.ts";

export interface PageOptions {
  /** The page's title. Default: its subject. */
  title?: string;
}

/** The requested title, or `otherwise`. `others`: names of options besides it. */
export function titleOf(what: string, options: PageOptions, otherwise: string, others: readonly string[] = []): string {
  knownOptions(what, options, ["title", ...others]);
  const { title = otherwise } = options;
  if (typeof title !== "string") throw wrongType("title", "a string", title);
  return title;
}
