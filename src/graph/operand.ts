/**
 * The operands an op takes: element types, ranks, and whether they are batched. `Graph.add` checks every node, so that
 * no kernel ever runs on elements of another type or a shape it was not written for.
 */
import { type DType, showShape } from "../base/shape.ts";
import type { Type } from "./type.ts";

export interface Operand {
  /** Accepted element types. */
  readonly dtypes: readonly DType[];
  /** Number of axes; default: any. */
  readonly rank?: number;
  /** At least one axis: the kernel reads padded rows, and scalars are stored without padding. */
  readonly rows?: true;
  /** Describes a shape of that rank, for messages. */
  readonly what?: string;
  /** True: one per image; false: one for all images, such as weights. Default: either. */
  readonly batched?: boolean;
  /** int8 codes without a scale: the entries of a table. All other int8 needs a quantization. */
  readonly codes?: true;
}

export interface Operands {
  readonly list: readonly Operand[];
  /** Number of operands that are required. Default: all. */
  readonly least?: number;
  /** True if the last operand may be repeated. */
  readonly more?: true;
}

/** Maximum rank: kernels nest one loop per axis, and the file format has four bits for the rank of an input. */
const MAX_AXES = 15;

/** A float32 tensor. */
export const REAL: Operand = { dtypes: ["f32"] };
/** A float32 or int8 tensor. */
export const NUMBERS: Operand = { dtypes: ["f32", "i8"] };
/** A float32 or int8 tensor, batched. */
export const ACTIVATION: Operand = { ...NUMBERS, batched: true };
/** float32 or int8 of height x width x channels: batched images, or one for all of them. */
export const ANY_IMAGE: Operand = { ...NUMBERS, rank: 3, what: "images of height x width x channels" };
/** Batched float32 or int8 images of height x width x channels. */
export const IMAGE: Operand = { ...ANY_IMAGE, batched: true };
/** A float32 parameter of the model. */
export const PARAMETER: Operand = { ...REAL, batched: false };

/** One operand. */
export const unaryOperands: Operands = { list: [NUMBERS] };
/** Two operands. */
export const binaryOperands: Operands = { list: [NUMBERS, NUMBERS] };
/** Any number of float32 operands: ops of training graphs, which only passes build. */
export const realOperands: Operands = { list: [REAL], least: 0, more: true };
/** Any number of operands of any type: ops of training graphs over pixels, labels, seeds and positions. */
export const anyOperands: Operands = { list: [{ dtypes: ["f32", "i8", "u8", "i32", "u32"] }], least: 0, more: true };
/** x, a kernel whose first axis is its outputs, and a bias. */
export const weightedOperands = (input: Operand, rank: number, what: string): Operands => ({
  list: [
    input,
    { ...NUMBERS, rank, what, batched: false },
    { dtypes: ["f32", "i32"], rank: 1, what: "a bias", batched: false },
  ],
  least: 2,
});

/** The range of the number of operands. */
export function arity({ list, least = list.length, more }: Operands): readonly [least: number, most: number] {
  return [least, more ? Infinity : list.length];
}

/** Throws a RangeError or TypeError that names the first operand that is not accepted. */
export function checkOperands(types: readonly Type[], operands: Operands): void {
  const [least, most] = arity(operands);
  const { list } = operands;
  if (types.length < least || types.length > most) {
    const expected = least === most ? least : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
    throw new RangeError(`expects ${expected} operands, got ${types.length}`);
  }
  types.forEach((type, i) => {
    checkOperand(type, list[Math.min(i, list.length - 1)]!, i);
  });
}

function checkOperand({ dtype, shape, batched, quantization }: Type, operand: Operand, i: number): void {
  const { dtypes, rank, rows, what = `${rank} axes` } = operand;
  if (shape.length > MAX_AXES)
    throw new RangeError(`operand ${i}: expects at most ${MAX_AXES} axes, got ${shape.length}`);
  if (!dtypes.includes(dtype)) throw new TypeError(`operand ${i}: expects ${dtypes.join(" or ")}, got ${dtype}`);
  if (rank !== undefined && shape.length !== rank)
    throw new RangeError(`operand ${i}: expects ${what}, got ${showShape(shape)}`);
  if (rows && !shape.length) throw new RangeError(`operand ${i}: expects at least one axis, got one number`);
  if (operand.batched !== undefined && batched !== operand.batched)
    throw new TypeError(
      batched
        ? `operand ${i}: expects weights, got one of each image`
        : `operand ${i}: expects one of each image, got weights`,
    );
  if (dtype !== "i8" || operand.codes) return;
  const scales = quantization?.scale.length ?? 0;
  const axis = quantization?.axis;
  if (scales !== 1 && (batched || axis === undefined || scales !== shape[axis]))
    throw new TypeError(`operand ${i}: int8 of ${showShape(shape)} with ${scales} scales`);
  const { scale, zeroPoint } = quantization!;
  if (
    batched &&
    !(scale[0]! > 0 && scale[0]! < Infinity && Number.isInteger(zeroPoint) && zeroPoint === (zeroPoint << 24) >> 24)
  ) {
    const got = `${scale[0]} and ${zeroPoint}`;
    throw new TypeError(`operand ${i}: expects int8 of a finite scale > 0 and a zero point in -128..127, got ${got}`);
  }
}
