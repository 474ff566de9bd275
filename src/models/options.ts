/** Options that reference networks share. By default each network is that of its article. */
import { integer, knownOptions, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import type { BuildOptions } from "../model/index.ts";
import { checkedShape } from "../model/layer.ts";

export interface ReferenceOptions extends BuildOptions {
  /** Shape of one image. */
  inputShape?: Shape;
}

export interface ClassifierOptions extends ReferenceOptions {
  /** Number of logits. */
  classes?: number;
}

/** Checks the options of a network called `name`: its own beside the shared ones; `usual` has the defaults. */
export function referenceOptions<O extends ReferenceOptions, U extends Partial<O> & { inputShape: Shape }>(
  name: string,
  options: O,
  usual: U,
): { own: U & Partial<O>; build: BuildOptions } {
  knownOptions(name, options, ["seed", "name", ...Object.keys(usual)]);
  const own = { ...usual, ...defined(options) };
  const expected = usual.inputShape.length;
  const shape = checkedShape("inputShape", own.inputShape);
  if (shape.length !== expected) {
    const what = expected === 3 ? "height x width x channels" : "one size";
    throw wrongValue("inputShape", `${what}, such as ${showShape(usual.inputShape)}`, shape);
  }
  if ("classes" in own) integer("classes", own.classes, 1);
  const { seed, name: given } = options;
  return {
    own,
    build: { name: given ?? name, ...(seed !== undefined && { seed }) },
  };
}

const defined = <O extends object>(options: O): Partial<O> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<O>;

/** `count` integers >= 1. */
export function widths(what: string, value: unknown, count: number): readonly number[] {
  if (!Array.isArray(value)) throw wrongType(what, `an array of ${count} widths`, value);
  if (value.length !== count) throw wrongValue(what, `${count} widths`, value);
  return value.map((n, i) => integer(`${what}[${i}]`, n, 1));
}
