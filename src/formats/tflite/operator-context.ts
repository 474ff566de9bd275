/** The context in which one operator is read: its operands, and methods to add nodes to the graph. */
import { type Shape, size, type TypedArray } from "../../base/shape.ts";
import { type Names, stateName } from "../../container/names.ts";
import type { Graph, Op, Quantization, Role, Value } from "../../graph/graph.ts";
import { affine, affineOf, isInt8, type Quantized } from "../../ops/quantized/int8-types.ts";
import { lookup } from "../../ops/quantized/lookup.ts";
import { requantize } from "../../ops/quantized/requantize.ts";
import { proveSums } from "../../ops/quantized/sums.ts";
import { reshape } from "../../ops/shape/reshape.ts";
import type { Constant } from "./constant.ts";
import { axisOf, batchLeads, type Dimension, fixed, imageAxis, imageShape } from "./dimensions.ts";
import type { FileOperator, FileTensor } from "./file.ts";
import type { Table } from "./flatbuffer.ts";
import { clampTable } from "./int8-tables.ts";
import type { TensorType } from "./schema.ts";

/** A value of the graph, and its shape in the file: the batch first. */
export interface Activation {
  readonly kind: "activation";
  readonly value: Value;
  readonly dimensions: readonly Dimension[];
}

/** Results of arithmetic on shapes; a scalar is a list of one. */
export interface Sizes {
  readonly kind: "sizes";
  readonly sizes: readonly Dimension[];
}

/**
 * The state between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: an image cut into interleaved ones, on which a convolution
 * is equivalent to a dilated one on the whole image. `finish` makes that one, once the crops are known.
 */
export interface Blocks {
  readonly kind: "blocks";
  readonly source: Activation;
  /** For height and width: the number of interleaved images, and the zeros around the whole image, before and after. */
  readonly block: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Set if one of the two spatial axes is not in the tensor of the file. */
  readonly inserted?: 0 | 1;
  readonly finish?: (crops: { before: readonly number[]; after: readonly number[] }) => Activation;
}

export type Known =
  | Activation
  | Sizes
  | Blocks
  | { readonly kind: "constant"; readonly constant: Constant }
  | { readonly kind: "unknown" };

/** An operator without an equivalent op. All of them are gathered before an error is thrown. */
export class Unsupported extends Error {}

export const unsupported = (message: string): never => {
  throw new Unsupported(message);
};

/** Types that are int8 here: a value u of uint8 is u - 128. */
export const isByte = (type: TensorType): boolean => type === "int8" || type === "uint8";

/** Compares quantizations of activations: one scale and one zero point each. */
export const sameQuantization = (a: Quantization, b: Quantization): boolean =>
  a.scale[0] === b.scale[0] && a.zeroPoint === b.zeroPoint;

/** Reads an operator: adds nodes to the graph, and registers their outputs. */
export type OperatorReader = (s: OperatorContext) => void;

/** Information about the whole network for reading one operator. */
export interface NetworkContext {
  readonly graph: Graph;
  readonly names: Names;
  readonly tensors: readonly FileTensor[];
  /** The current knowledge of tensor `index`. */
  known(index: number): Known;
  set(index: number, known: Known): void;
  activationQuantization(tensor: FileTensor): Quantization;
  /** True if a batch of the file is one image of the graph. Its axis may then be divided and reduced like any other. */
  readonly single: boolean;
  /** Images of the graph in a batch of the file, if the file fixes it; else 1. */
  readonly images: number;
}

/** Parameters of a layer, as in `container/op-numbers.ts`, and their roles. */
const ROLES = { kernel: "weight", bias: "bias", alpha: "weight", table: "constant" } as const satisfies Record<
  string,
  Role
>;
type Parameters = { readonly [name in keyof typeof ROLES]?: Constant | undefined };

/** One operator while it is read: its operands, its options, and methods to add nodes to the graph. */
export class OperatorContext {
  readonly importer: NetworkContext;
  readonly operator: FileOperator;

  constructor(importer: NetworkContext, operator: FileOperator) {
    this.importer = importer;
    this.operator = operator;
  }

  /** For messages. */
  get title(): string {
    const { index, name, outputs } = this.operator;
    const made = this.importer.tensors[outputs[0]!]?.name ?? "";
    return `node ${index} ${name} ("${made.length > 60 ? `${made.slice(0, 57)}...` : made}")`;
  }

  get options(): Pick<Table, "i8" | "u8" | "i32" | "f32" | "flag" | "i32s"> {
    return this.operator.options ?? NO_OPTIONS;
  }

  // ---------------------------------------------------------------- operands

  has(operand: number): boolean {
    return (this.operator.inputs[operand] ?? -1) >= 0;
  }

  known(operand: number): Known {
    const index = this.operator.inputs[operand];
    if (index === undefined || index < 0) throw new RangeError(`operand ${operand} is missing`);
    return this.importer.known(index);
  }

  tensor(operand: number): FileTensor {
    return this.importer.tensors[this.operator.inputs[operand]!]!;
  }

  activation(operand = 0): Activation {
    const known = this.known(operand);
    if (known.kind === "activation") return known;
    return unsupported(
      known.kind === "blocks"
        ? "stands between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND"
        : `has a constant operand ${operand}`,
    );
  }

  /** An operand of images: height x width x channels each. */
  images(operand = 0): Activation {
    const x = this.activation(operand);
    if (x.dimensions.length !== 4 || x.value.type.shape.length !== 3 || !x.dimensions[0]!.batched) {
      const sizes = x.dimensions.map(d => (d.batched ? "batch" : d.n));
      unsupported(`reads [${sizes}], not one image of height, width and channels each`);
    }
    return x;
  }

  constant(operand: number): Constant {
    const known = this.known(operand);
    return known.kind === "constant" ? known.constant : unsupported(`has an operand ${operand} that is computed`);
  }

  /** An operand of integers: a constant, or the result of arithmetic on shapes. */
  sizes(operand: number): readonly Dimension[] {
    const known = this.known(operand);
    if (known.kind === "sizes") return known.sizes;
    if (known.kind === "constant" && known.constant.dtype === "i32") return Array.from(known.constant.data, fixed);
    return unsupported(`has an operand ${operand} that is no known shape`);
  }

  /** The same for integers that do not depend on the batch. */
  integers(operand: number): number[] {
    return this.sizes(operand).map(d => (d.batched ? unsupported(`has an operand ${operand} that is the batch`) : d.n));
  }

  // ---------------------------------------------------------------- the batch

  /** The sizes in the file of a tensor whose image has `dimensions`. */
  sizesInFile(dimensions: readonly Dimension[]): Dimension[] {
    return dimensions.map(d => (d.batched ? { ...d, n: d.n * this.importer.images } : d));
  }

  /** A shape in the file, with a symbol for the batch if the file fixes it to several images. */
  perImage(shape: readonly Dimension[]): readonly Dimension[] {
    const { images } = this.importer;
    const at = shape.findIndex(d => d.n !== 1);
    if (images === 1 || shape.some(d => d.batched) || shape[at]?.n === -1) return shape;
    const n = at === 0 ? shape[0]!.n / images : 0;
    if (!(n > 0 && Number.isInteger(n))) unsupported("divides or joins the images of a batch");
    return [{ n, batched: true }, ...shape.slice(1)];
  }

  /** Throws if the images of a batch are not contiguous rows. */
  demandBatchFirst({ dimensions }: Activation): void {
    if (!this.importer.single && !batchLeads(dimensions)) unsupported("takes in the batch behind another axis");
  }

  /** Throws if the last axis, along which is computed, is the batch. */
  demandOwnRows({ dimensions }: Activation): void {
    if (dimensions.at(-1)?.batched && dimensions.length > 1) unsupported("computes along the batch");
  }

  /** The axis of the image for an axis number of the file. */
  axisWithin({ dimensions }: Activation, axis: number, verb: string): number {
    const image = imageAxis(dimensions, axis);
    if (image >= 0) return image;
    // if several images were folded into one, the batch has an axis of its own
    const at = axisOf(dimensions.length, axis);
    return this.importer.single && dimensions[at]!.n !== 1 ? at : unsupported(`${verb} the batch`);
  }

  // ---------------------------------------------------------------- results

  /** The tensor of output `output`. */
  outputTensor(output = 0): FileTensor {
    const tensor = this.importer.tensors[this.operator.outputs[output]!];
    if (!tensor) throw new RangeError(`output ${output} is missing`);
    return tensor;
  }

  /** The quantization of output `output` in the file, as int8 if that is uint8; undefined for float. */
  quantization(output = 0): Quantization | undefined {
    const { type } = this.outputTensor(output);
    if (type === "float32") return undefined;
    if (!isByte(type)) return unsupported(`gives ${type}; float32, int8 and uint8 are read`);
    return this.importer.activationQuantization(this.outputTensor(output));
  }

  /** The attribute of an op that chooses its quantization; none if `x` is float. */
  chosen(x: Value, output = 0): Quantized {
    if (!isInt8(x.type)) return {};
    return { quantization: this.quantization(output) ?? unsupported("gives float32 for int8") };
  }

  /** Adds a node that is a layer of its own. */
  add<A>(op: Op<A>, inputs: readonly Value[], attrs: A): Value {
    const { graph, names } = this.importer;
    return graph.scope(names.unique(op.name), () => graph.one(op, [...inputs], attrs));
  }

  /** Adds a node with parameters, states named after its layer. */
  layer<A>(op: Op<A>, x: Value, parameters: Parameters, attrs: A): Value {
    const { graph, names } = this.importer;
    const layer = names.unique(op.name);
    const states = (Object.keys(parameters) as (keyof Parameters)[]).flatMap(name => {
      const constant = parameters[name];
      return constant ? [this.#state(ROLES[name], names.unique(stateName(layer, name)), constant)] : [];
    });
    const y = graph.scope(layer, () => graph.one(op, [x, ...states], attrs));
    if (parameters.kernel?.dtype === "i8") proveSums(y.node!);
    return y;
  }

  /** A constant as an operand of an op without parameters. */
  state(layer: string, constant: Constant): Value {
    return this.#state("constant", this.importer.names.unique(stateName(layer)), constant);
  }

  #state(role: Role, name: string, { shape, dtype, data, quantization }: Constant): Value {
    if (quantization?.zeroPoints) unsupported("has a constant whose zero points differ");
    const type = { shape, dtype, batched: false, ...(quantization && { quantization }) };
    return this.importer.graph.state(role, name, type, data as TypedArray);
  }

  /** Registers a value as output `output`, in the quantization of the file. */
  give(value: Value, dimensions: readonly Dimension[], output = 0): void {
    const wanted = this.quantization(output);
    if ((value.type.dtype === "i8") !== !!wanted)
      unsupported(`gives ${value.type.dtype === "i8" ? "int8" : "float32"} where the file has the other`);
    const exact = wanted ? this.#inQuantization(value, wanted) : value;
    const shape = imageShape(dimensions);
    const shaped = String(shape) === String(exact.type.shape) ? exact : this.reshape(exact, shape);
    this.importer.set(this.operator.outputs[output]!, { kind: "activation", value: shaped, dimensions });
  }

  #inQuantization(value: Value, quantization: Quantization): Value {
    if (sameQuantization(value.type.quantization!, quantization)) return value;
    const [from, to] = [affine(value.type), affineOf(quantization)];
    const ratio = from.scale / to.scale;
    if (ratio >= 2 ** -8 && ratio <= 2 ** 7) return this.add(requantize, [value], { quantization });
    return this.table(value, [clampTable(from, to, -Infinity, Infinity)], quantization);
  }

  /** Maps x by a table of 256 results, or by one table per element of its last axes. */
  table(x: Value, tables: readonly Int8Array[], quantization: Quantization): Value {
    const data = new Int8Array(256 * tables.length);
    tables.forEach((table, i) => data.set(table, 256 * i));
    const table: Constant = { shape: [tables.length, 256], dtype: "i8", data, quantization };
    return this.layer(lookup, x, { table }, { quantization });
  }

  giveSizes(sizes: readonly Dimension[]): void {
    for (const index of this.operator.outputs) this.importer.set(index, { kind: "sizes", sizes });
  }

  giveConstant(constant: Constant): void {
    this.importer.set(this.operator.outputs[0]!, { kind: "constant", constant });
  }

  giveBlocks(blocks: Blocks): void {
    this.importer.set(this.operator.outputs[0]!, blocks);
  }

  reshape(value: Value, shape: Shape): Value {
    if (String(value.type.shape) === String(shape)) return value;
    if (size(value.type.shape) !== size(shape))
      throw new RangeError(`[${value.type.shape}] cannot be reshaped to [${shape}]`);
    return this.add(reshape, [value], { shape });
  }
}

/** Default for an operator without options. */
const NO_OPTIONS = {
  i8: (_: number, usual = 0) => usual,
  u8: (_: number, usual = 0) => usual,
  i32: (_: number, usual = 0) => usual,
  f32: (_: number, usual = 0) => usual,
  flag: () => false,
  i32s: (): number[] => [],
};
