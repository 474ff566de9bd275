/** Parses a .tflite file to plain lists of tensors and operators, without interpreting them. */
import { type Shape, showShape } from "../../base/shape.ts";
import { FlatBuffer, type Table } from "./flatbuffer.ts";
import { FIELD, IDENTIFIER, OPERATORS, SCHEMA_VERSION, TENSOR_TYPES, type TensorType } from "./schema.ts";

export interface FileTensor {
  readonly index: number;
  readonly name: string;
  readonly type: TensorType;
  readonly shape: Shape;
  /** True for axes of any size. */
  readonly dynamic: readonly boolean[];
  /** The bytes of a constant. */
  readonly data?: Uint8Array;
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  /** Axis of weights with a scale per index. */
  readonly axis: number;
  readonly sparsity?: Table;
  /** True if it keeps its contents from run to run. */
  readonly variable: boolean;
  /** Makes an error with the operator's position in the file. */
  error(code: string, message: string): Error;
}

export interface FileOperator {
  readonly index: number;
  /** The name in the schema; a custom operator has its own. */
  readonly name: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options?: Table;
  error(code: string, message: string, cause?: unknown): Error;
}

export interface TfliteFile {
  readonly tensors: readonly FileTensor[];
  readonly operators: readonly FileOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Names of inputs and outputs in the first signature, by tensor number. */
  readonly names: { readonly inputs: ReadonlyMap<number, string>; readonly outputs: ReadonlyMap<number, string> };
}

/**
 * More elements than any small network's tensor has; products of sizes stay far below the limit of exact integers in
 * float64.
 */
export const MAX_ELEMENTS = 2 ** 28;

/** More axes than any tensor of a small network has. */
const MAX_RANK = 8;

/** Parses a file. Errors: PenjingError "magic", "version", "truncated" or "damaged", with the byte in `offset`. */
export function readFile(bytes: Uint8Array, path?: string): TfliteFile {
  const model = new FlatBuffer(bytes, path).root(IDENTIFIER);
  const version = model.u32(FIELD.model.version);
  if (version !== SCHEMA_VERSION)
    throw model.error("version", `schema version ${version} is unknown, this library reads ${SCHEMA_VERSION}`);
  const [graph] = model.tables(FIELD.model.subgraphs);
  if (!graph) throw model.error("damaged", "the file has no graph");
  const buffers = model.tables(FIELD.model.buffers);
  const tensors = graph.tables(FIELD.subgraph.tensors).map((table, index) => tensorOf(table, index, buffers));
  const names = model.tables(FIELD.model.operatorCodes).map(operatorName);
  const operators = graph.tables(FIELD.subgraph.operators).map((table, index) => operatorOf(table, index, names));
  const file = {
    tensors,
    operators,
    inputs: graph.i32s(FIELD.subgraph.inputs),
    outputs: graph.i32s(FIELD.subgraph.outputs),
    names: namesOf(model),
  };
  checkReferences(file, graph);
  return file;
}

function namesOf(model: Table): TfliteFile["names"] {
  const f = FIELD.signature;
  const signature = model.tables(FIELD.model.signatures).find(table => table.u32(f.subgraph) === 0);
  const named = (field: number) =>
    new Map(
      (signature?.tables(field) ?? []).map(table => [
        table.u32(FIELD.signatureTensor.index),
        table.text(FIELD.signatureTensor.name),
      ]),
    );
  return { inputs: named(f.inputs), outputs: named(f.outputs) };
}

function tensorOf(table: Table, index: number, buffers: readonly Table[]): FileTensor {
  const f = FIELD.tensor;
  const shape = table.i32s(f.shape);
  const signature = table.i32s(f.signature);
  const type = TENSOR_TYPES[table.u8(f.type)];
  const name = table.text(f.name);
  const error = (code: string, message: string) => table.error(code, `tensor ${index} ("${name}"): ${message}`);
  if (!type) throw error("damaged", `type ${table.u8(f.type)} is unknown`);
  if (shape.length > MAX_RANK) throw error("unsupported", `it has ${shape.length} axes`);
  if (shape.some(n => n < 0) || shape.reduce((n, s) => n * s, 1) > MAX_ELEMENTS)
    throw error("damaged", `a shape is ${showShape(shape)}`);
  if (signature.length && signature.length !== shape.length)
    throw error("damaged", `a signature of ${signature.length} axes for a shape of ${shape.length}`);
  const quantization = table.table(f.quantization);
  if (quantization && quantization.u8(FIELD.quantization.detailsType) !== 0)
    throw error("unsupported", "its quantization is a custom one");
  const sparsity = table.table(f.sparsity);
  const data = contents(table, table.u32(f.buffer), buffers, error);
  return {
    index,
    name,
    type,
    shape,
    dynamic: shape.map((_, axis) => signature[axis] === -1),
    scales: quantization?.f32s(FIELD.quantization.scale) ?? [],
    zeroPoints: quantization?.i64s(FIELD.quantization.zeroPoint) ?? [],
    axis: quantization?.i32(FIELD.quantization.axis) ?? 0,
    variable: table.flag(f.isVariable),
    error,
    // an empty constant is a constant too
    ...((data.length > 0 || shape.includes(0)) && { data }),
    ...(sparsity && { sparsity }),
  };
}

function contents(table: Table, buffer: number, buffers: readonly Table[], error: FileTensor["error"]): Uint8Array {
  if (buffer === 0 && !table.has(FIELD.tensor.buffer)) return new Uint8Array(0);
  const found = buffers[buffer];
  if (!found) throw error("damaged", `its buffer ${buffer} is none of ${buffers.length}`);
  // in files larger than a FlatBuffer may be, contents follow it; 0 and 1 are not offsets but markers of the writer
  const offset = found.u64(FIELD.buffer.offset);
  return offset > 1 ? found.outside(offset, found.u64(FIELD.buffer.size)) : found.bytes(FIELD.buffer.data);
}

/** Old files have the operator's number in a byte, newer ones in an i32; the larger one is valid. */
function operatorName(table: Table): string {
  const f = FIELD.operatorCode;
  const code = Math.max(table.i8(f.deprecatedBuiltinCode), table.i32(f.builtinCode));
  const name = OPERATORS[code];
  if (!name) return `operator ${code}`;
  return name === "CUSTOM" ? `custom operator ${JSON.stringify(table.text(f.customCode).slice(0, 60))}` : name;
}

function operatorOf(table: Table, index: number, names: readonly string[]): FileOperator {
  const f = FIELD.operator;
  const code = table.u32(f.code);
  const name = names[code];
  if (name === undefined)
    throw table.error("damaged", `node ${index}: operator code ${code} is none of ${names.length}`);
  const options = table.table(f.options);
  return {
    index,
    name,
    inputs: table.i32s(f.inputs),
    outputs: table.i32s(f.outputs),
    error: (errorCode, message, cause) => table.error(errorCode, message, cause),
    ...(options && { options }),
  };
}

/** Checks that every tensor number is in range; -1, an omitted operand, is allowed only among an operator's inputs. */
function checkReferences({ tensors, operators, inputs, outputs }: TfliteFile, graph: Table): void {
  const known = (i: number, least = 0) => i >= least && i < tensors.length;
  for (const { index, inputs: reads, outputs: writes, error } of operators) {
    const odd = reads.find(i => !known(i, -1)) ?? writes.find(i => !known(i));
    if (odd !== undefined) throw error("damaged", `node ${index}: tensor ${odd} is none of ${tensors.length}`);
  }
  const odd = [...inputs, ...outputs].find(i => !known(i));
  if (odd !== undefined) throw graph.error("damaged", `tensor ${odd} is none of ${tensors.length}`);
}
