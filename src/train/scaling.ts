/**
 * A network's `preprocessing` says how the bytes it was trained on became real numbers. Data sets of bytes are held to it where a network
 * is measured; where it is trained, it follows the data. Data sets of other numbers know nothing of bytes and fit every network.
 */
import { show } from "../base/errors.ts";
import type { Preprocessing } from "../container/extras.ts";
import type { Dataset } from "../data/dataset.ts";
import { type Rule, ruleOf, USUAL } from "../run/pixels.ts";

const channelsOf = (data: Dataset): number => data.shape.at(-1) ?? 1;

/** Steps between two bytes that both may differ by: float32 and decimals round, other scales are further apart. */
const TOLERANCE = 1e-3;

/** Do bytes become the same numbers, but for rounding? */
function sameRule(a: Rule, b: Rule): boolean {
  const channels = Math.max(a.factor.length, b.factor.length);
  const at = ({ factor, addend }: Rule, c: number, byte: number) =>
    factor[c % factor.length]! * byte + addend[c % addend.length]!;
  for (let c = 0; c < channels; c++) {
    const most = TOLERANCE * Math.abs(a.factor[c % a.factor.length]!);
    if (![0, 255].every(byte => Math.abs(at(a, c, byte) - at(b, c, byte)) <= most)) return false;
  }
  return true;
}

export const sameScaling = (a: Preprocessing, b: Preprocessing, channels: number): boolean =>
  sameRule(ruleOf(a, channels), ruleOf(b, channels));

/** (byte * scale - mean) / std + offset with what is not usual of it, for messages. */
function shown({ scale = 1, offset = 0, mean, std }: Preprocessing): string {
  const short = (v: number) => Number(v.toPrecision(6));
  const each = (list: readonly number[]) => (list.length === 1 ? show(short(list[0]!)) : show(list.map(short)));
  let text =
    Math.fround(scale) === Math.fround(1 / 255) ? "byte / 255" : scale === 1 ? "byte" : `byte * ${short(scale)}`;
  if (mean) text = `(${text} - ${each(mean)})`;
  if (std) text += ` / ${each(std)}`;
  return offset ? `${text} + ${short(offset)}` : text;
}

/** A RangeError where `data` makes other numbers of bytes than `preprocessing` (undefined: byte / 255) says. `whose` has that preprocessing. */
export function expectScaling(
  what: string,
  data: Dataset,
  preprocessing: Preprocessing = USUAL,
  whose = "the network reads them",
  remedy = `${what}.preprocess(model.preprocessing) reads them so; model.preprocessing can be set where it is not what the network was trained on`,
): void {
  const { preprocessing: own } = data;
  const channels = channelsOf(data);
  // a network with other channels has another shape, which is found next
  const { mean, std } = preprocessing;
  if (!own || ![mean, std].every(list => !list || list.length === 1 || list.length === channels)) return;
  if (sameScaling(preprocessing, own, channels)) return;
  throw new RangeError(
    `"${what}" expected bytes scaled as ${whose}, ${shown(preprocessing)}, got ${shown(own)}: ${remedy}`,
  );
}

/** How the bytes of a training become real numbers, by its data or those of its validation. A RangeError where the two disagree. */
export function scalingOf(data: Dataset, validation?: Dataset): Preprocessing | undefined {
  if (data.preprocessing && validation)
    expectScaling(
      "validation",
      validation,
      data.preprocessing,
      "those of the training",
      "both must be normalised alike",
    );
  return data.preprocessing ?? validation?.preprocessing;
}

/**
 * The preprocessing of a network that had `before` and was then trained on bytes scaled by `made`: that of the data, with the layout that
 * arrays of its users have. Undefined: byte / 255.
 */
export function learned(
  before: Preprocessing | undefined,
  made: Preprocessing,
  channels: number,
): Preprocessing | undefined {
  const rule = ruleOf(made, channels);
  if (before && sameRule(ruleOf(before, channels), rule)) return before;
  const layout = before?.layout && { layout: before.layout };
  if (!sameRule(ruleOf(USUAL, channels), rule)) return { ...made, ...layout };
  return layout && { ...USUAL, ...layout };
}
