/**
 * A network's `preprocessing` is the conversion of the bytes it was trained on to real numbers. Data sets of bytes must
 * match it in evaluation; training sets it from the data. Data sets of other types fit every network.
 */
import { show } from "../base/errors.ts";
import type { Preprocessing } from "../container/extras.ts";
import type { Dataset } from "../data/dataset.ts";
import { type ChannelScaling, channelScalingOf, USUAL } from "../run/pixels.ts";

const channelsOf = (data: Dataset): number => data.shape.at(-1) ?? 1;

/**
 * Maximum difference of two conversions, in units of one byte: accepts rounding in float32 and decimals; other scales
 * differ by more.
 */
const TOLERANCE = 1e-3;

/** True if bytes are converted to the same numbers, but for rounding. */
function sameConversion(a: ChannelScaling, b: ChannelScaling): boolean {
  const channels = Math.max(a.factor.length, b.factor.length);
  const at = ({ factor, addend }: ChannelScaling, c: number, byte: number) =>
    factor[c % factor.length]! * byte + addend[c % addend.length]!;
  for (let c = 0; c < channels; c++) {
    const most = TOLERANCE * Math.abs(a.factor[c % a.factor.length]!);
    if (![0, 255].every(byte => Math.abs(at(a, c, byte) - at(b, c, byte)) <= most)) return false;
  }
  return true;
}

export const sameScaling = (a: Preprocessing, b: Preprocessing, channels: number): boolean =>
  sameConversion(channelScalingOf(a, channels), channelScalingOf(b, channels));

/** Prints (byte * scale - mean) / std + offset without its default parts, for messages. */
function shown({ scale = 1, offset = 0, mean, std }: Preprocessing): string {
  const short = (v: number) => Number(v.toPrecision(6));
  const each = (list: readonly number[]) => (list.length === 1 ? show(short(list[0]!)) : show(list.map(short)));
  let text =
    Math.fround(scale) === Math.fround(1 / 255) ? "byte / 255" : scale === 1 ? "byte" : `byte * ${short(scale)}`;
  if (mean) text = `(${text} - ${each(mean)})`;
  if (std) text += ` / ${each(std)}`;
  return offset ? `${text} + ${short(offset)}` : text;
}

const ELSE_SET = "model.preprocessing can be set where it is not what the network was trained on";

/**
 * Throws a RangeError if `data` convert bytes in another way than `preprocessing` (undefined: byte / 255). `whose` has
 * that preprocessing.
 */
export function expectScaling(
  what: string,
  data: Dataset,
  preprocessing: Preprocessing = USUAL,
  whose = "the network reads them",
  remedy = `${what}.preprocess(model.preprocessing) reads them so; ${ELSE_SET}`,
): void {
  const { preprocessing: own } = data;
  const channels = channelsOf(data);
  // a network with another number of channels has another shape, which is checked next
  const { mean, std } = preprocessing;
  if (!own || ![mean, std].every(list => !list || list.length === 1 || list.length === channels)) return;
  if (sameScaling(preprocessing, own, channels)) return;
  throw new RangeError(
    `"${what}" expected bytes scaled as ${whose}, ${shown(preprocessing)}, got ${shown(own)}: ${remedy}`,
  );
}

/**
 * The conversion of bytes in a training, by its data or its validation data. Throws a RangeError if the two disagree.
 */
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
 * The preprocessing of a network with `before` after training on bytes scaled by `made`: that of the data, with the
 * layout of its users' arrays. Undefined: byte / 255.
 */
export function learned(
  before: Preprocessing | undefined,
  made: Preprocessing,
  channels: number,
): Preprocessing | undefined {
  const scaling = channelScalingOf(made, channels);
  if (before && sameConversion(channelScalingOf(before, channels), scaling)) return before;
  const layout = before?.layout && { layout: before.layout };
  if (!sameConversion(channelScalingOf(USUAL, channels), scaling)) return { ...made, ...layout };
  return layout && { ...USUAL, ...layout };
}
