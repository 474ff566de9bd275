/** Reshapes, and arithmetic on shapes, which is folded away. */
import { size } from "../../../base/shape.ts";
import { axisOf, type Dimension, fixed, product, reshaped, rowsOf } from "../dimensions.ts";
import { type Blocks, type OperatorContext, type OperatorReader, unsupported } from "../operator-context.ts";
import { blocksAsImages } from "./blocks.ts";

/** Reshapes a constant, sizes, or an activation. */
function reshapedTo(s: OperatorContext, shape: (from: readonly Dimension[]) => readonly Dimension[]): void {
  const known = s.known(0);
  if (known.kind === "sizes") s.giveSizes(known.sizes);
  else if (known.kind === "constant") {
    const { constant } = known;
    const wanted = shape(constant.shape.map(fixed)).map(d => d.n);
    if (size(wanted) !== size(constant.shape) || (constant.quantization?.scale.length ?? 1) > 1)
      throw new RangeError(`a constant of [${constant.shape}] cannot be reshaped to [${wanted}]`);
    s.giveConstant({ ...constant, shape: wanted });
  } else {
    const x = s.activation();
    s.demandBatchFirst(x);
    s.give(x.value, shape(x.dimensions));
  }
}

export const reshaping: OperatorReader = s => {
  const known = s.known(0);
  const wanted = s.has(1) ? s.sizes(1) : s.options.i32s(0).map(fixed);
  if (known.kind === "blocks") return squeezedBlocks(s, known, wanted.length);
  reshapedTo(s, from => reshaped(from, known.kind === "activation" ? s.perImage(wanted) : wanted));
};

/** Removes the axis that was inserted into interleaved images. */
function squeezedBlocks(s: OperatorContext, blocks: Blocks, rank: number): void {
  if (!blocks.finish || blocks.inserted === undefined || rank !== 3) unsupported("reshapes interleaved images");
  s.giveBlocks(blocks);
}

export const expandDims: OperatorReader = s => {
  const known = s.known(0);
  const [axis = 0] = s.integers(1);
  if (known.kind === "blocks") {
    const rank = known.block.length + 2;
    return blocksAsImages(s, known, axisOf(rank + 1, axis) - 1);
  }
  reshapedTo(s, from => {
    const at = axisOf(from.length + 1, axis);
    const made = [...from.slice(0, at), fixed(1), ...from.slice(at)];
    return known.kind === "activation" ? movedBatch(made) : made;
  });
};

/** Rows of a batch come first; a batch of single images may be at any axis. */
function movedBatch(dimensions: readonly Dimension[]): readonly Dimension[] {
  const at = dimensions.findIndex(d => d.batched);
  return at > 0 && dimensions[at]!.n !== 1 ? unsupported("puts an axis before a batch of rows") : dimensions;
}

export const squeeze: OperatorReader = s => {
  const known = s.known(0);
  const axes = s.options.i32s(0);
  if (known.kind === "blocks") return squeezedBlocks(s, known, 3);
  reshapedTo(s, from => {
    const gone = axes.map(a => axisOf(from.length, a));
    if (gone.some(a => from[a]!.n !== 1))
      throw new RangeError(`axes [${axes}] of [${from.map(d => d.n)}] are not all 1`);
    const kept = from.filter((d, a) => (axes.length ? !gone.includes(a) : d.n !== 1 || d.batched));
    if (kept.some(d => d.batched) || !from.some(d => d.batched)) return kept;
    return kept.length ? rowsOf(kept) : unsupported("leaves nothing of a batch");
  });
};

export const shapeOf: OperatorReader = s => {
  const known = s.known(0);
  s.giveSizes(known.kind === "constant" ? known.constant.shape.map(fixed) : s.activation().dimensions);
};

export const productOf: OperatorReader = s => {
  if (s.known(0).kind === "activation") return unsupported("multiplies activations");
  s.giveSizes([s.sizes(0).reduce(product, fixed(1))]);
};

/** A cast from float to float does nothing. */
export const cast: OperatorReader = s => {
  const known = s.known(0);
  if (known.kind !== "activation") return s.giveSizes(s.sizes(0));
  if (known.value.type.dtype !== "f32") return unsupported("casts int8");
  s.give(known.value, known.dimensions);
};
