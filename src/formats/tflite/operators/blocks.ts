/**
 * SPACE_TO_BATCH_ND ... BATCH_TO_SPACE_ND around a convolution: they become one dilated convolution, once both are
 * known.
 */
import { batchOf } from "../dimensions.ts";
import { type Blocks, type OperatorContext, type OperatorReader, unsupported } from "../operator-context.ts";
import { positive } from "./convolutions.ts";

/** Reads the pairs of an [axes, 2] operand. */
export function pairs(s: OperatorContext, operand: number): { before: number[]; after: number[] } {
  const all = s.integers(operand);
  if (all.some(n => n < 0 || n > 65536)) throw new RangeError(`pads or crops are [${all}]`);
  return { before: all.filter((_, i) => i % 2 === 0), after: all.filter((_, i) => i % 2 === 1) };
}

export const spaceToBatch: OperatorReader = s => {
  const source = s.activation();
  const block = s.integers(1).map(positive);
  const { before, after } = pairs(s, 2);
  const axes = source.dimensions.length - 2;
  if (
    source.dimensions[0]!.n !== 1 ||
    block.length !== axes ||
    before.length !== axes ||
    after.length !== axes ||
    axes < 1 ||
    axes > 2
  )
    unsupported("divides axes that are not height and width");
  s.giveBlocks({ kind: "blocks", source, block, before, after });
};

/** Inserts an axis of size 1 before spatial axis `at` (0 or 1) of interleaved sequences: they become images. */
export function blocksAsImages(s: OperatorContext, blocks: Blocks, at: number): void {
  const { source } = blocks;
  if (blocks.finish || blocks.block.length !== 1 || (at !== 0 && at !== 1))
    unsupported("gives interleaved images another axis");
  const [length, channels] = source.value.type.shape as [number, number];
  const inserted = at as 0 | 1;
  const shape = inserted === 0 ? [1, length, channels] : [length, 1, channels];
  const widened = (list: readonly number[], value: number) => (inserted === 0 ? [value, list[0]!] : [list[0]!, value]);
  s.giveBlocks({
    kind: "blocks",
    source: { kind: "activation", value: s.reshape(source.value, shape), dimensions: batchOf(shape) },
    block: widened(blocks.block, 1),
    before: widened(blocks.before, 0),
    after: widened(blocks.after, 0),
    inserted,
  });
}

export const batchToSpace: OperatorReader = s => {
  const blocks = s.known(0);
  if (blocks.kind !== "blocks") return unsupported("has no SPACE_TO_BATCH_ND before it");
  if (!blocks.finish) return unsupported("has no convolution between it and SPACE_TO_BATCH_ND");
  const { inserted } = blocks;
  const widened = (list: readonly number[], value: number) =>
    inserted === undefined || list.length === 2 ? list : inserted === 0 ? [value, list[0]!] : [list[0]!, value];
  const block = widened(s.integers(1), 1);
  if (String(block) !== String(blocks.block))
    unsupported(`has blocks of [${block}] where SPACE_TO_BATCH_ND has [${blocks.block}]`);
  const crops = pairs(s, 2);
  const squeezed = inserted !== undefined && crops.before.length === 1;
  const { value } = blocks.finish({ before: widened(crops.before, 0), after: widened(crops.after, 0) });
  const { shape } = value.type;
  s.give(value, batchOf(squeezed ? shape.filter((_, axis) => axis !== inserted) : shape));
};
