/** Small .tflite files made by the flatbuffers runtime: one subgraph, tensors and operators as lists. */
import { Builder } from "flatbuffers";
import {
  FIELD,
  OPERATORS,
  type OperatorName,
  TENSOR_TYPES,
  type TensorType,
} from "../../../src/formats/tflite/schema.ts";

export interface BuiltTensor {
  name?: string;
  type?: TensorType;
  shape: readonly number[];
  /** The shape with an open batch. Default: derived from shape[0] for activations. */
  signature?: readonly number[];
  data?: Float32Array | Int8Array | Int32Array;
  scale?: readonly number[];
  /** One for all scales, or a list. */
  zeroPoint?: number | readonly number[];
}

/** Options by field: an integer is an i32; `{ i8 }`, `{ f32 }` and lists are of their types. */
type Option = number | { i8: number } | { f32: number } | readonly number[];

export interface BuiltOperator {
  name: OperatorName;
  inputs: readonly number[];
  outputs: readonly number[];
  options?: Readonly<Record<number, Option>>;
  /**
   * The number of the options' table in the schema's union; readers that know the operator do not need one. Default 1.
   */
  optionsType?: number;
}

export interface BuiltFile {
  /** Contents follow the FlatBuffer, as in files that would be too large for one. */
  behind?: boolean;
  tensors: readonly BuiltTensor[];
  operators: readonly BuiltOperator[];
  inputs: readonly number[];
  outputs: readonly number[];
  /** Names of tensors in a signature. */
  signature?: { readonly inputs: Readonly<Record<string, number>>; readonly outputs: Readonly<Record<string, number>> };
}

export function built(file: BuiltFile): Uint8Array {
  if (!file.behind) return flatBuffer(file);
  // offsets depend on the length of the FlatBuffer, which does not depend on them
  const { length } = flatBuffer(file, 2);
  const contents = file.tensors.flatMap(({ data }) => (data ? [...bytesOf(data)] : []));
  return Uint8Array.from([...flatBuffer(file, length), ...contents]);
}

const bytesOf = (data: NonNullable<BuiltTensor["data"]>) =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function flatBuffer({ tensors, operators, inputs, outputs, signature }: BuiltFile, end?: number): Uint8Array {
  const b = new Builder(1024);
  const list = (items: readonly number[], bytes: number, add: (n: number) => void) => {
    b.startVector(bytes, items.length, bytes);
    for (const n of [...items].reverse()) add(n);
    return b.endVector();
  };
  const ints = (items: readonly number[]) => list(items, 4, n => b.addInt32(n));
  const refs = (items: readonly number[]) => list(items, 4, n => b.addOffset(n));
  const table = (fields: Readonly<Record<number, () => void>>) => {
    b.startObject(16);
    for (const add of Object.values(fields)) add();
    return b.endObject();
  };

  let place = end;
  const buffer = (data?: BuiltTensor["data"]) => {
    if (data && place !== undefined) {
      const [from, length] = [BigInt(place), BigInt(data.byteLength)];
      place += data.byteLength;
      return table({
        1: () => b.addFieldInt64(FIELD.buffer.offset, from, 0n),
        2: () => b.addFieldInt64(FIELD.buffer.size, length, 0n),
      });
    }
    const bytes = data && b.createByteVector(bytesOf(data));
    return table({ ...(bytes && { 0: () => b.addFieldOffset(FIELD.buffer.data, bytes, 0) }) });
  };
  const buffers = [buffer(), ...tensors.map(t => buffer(t.data))];

  const made = tensors.map((t, i) => {
    const name = b.createString(t.name ?? `tensor ${i}`);
    const shape = ints(t.shape);
    const signature = t.signature && ints(t.signature);
    const scale = t.scale && list(t.scale, 4, n => b.addFloat32(n));
    const zeros =
      t.scale &&
      list(typeof t.zeroPoint === "object" ? t.zeroPoint : t.scale.map(() => Number(t.zeroPoint ?? 0)), 8, n =>
        b.addInt64(BigInt(n)),
      );
    const quantization =
      scale &&
      table({
        2: () => b.addFieldOffset(FIELD.quantization.scale, scale, 0),
        3: () => b.addFieldOffset(FIELD.quantization.zeroPoint, zeros!, 0),
      });
    const f = FIELD.tensor;
    return table({
      0: () => b.addFieldOffset(f.shape, shape, 0),
      1: () => b.addFieldInt8(f.type, TENSOR_TYPES.indexOf(t.type ?? "float32"), 0),
      2: () => b.addFieldInt32(f.buffer, t.data ? i + 1 : 0, 0),
      3: () => b.addFieldOffset(f.name, name, 0),
      ...(quantization && { 4: () => b.addFieldOffset(f.quantization, quantization, 0) }),
      ...(signature && { 7: () => b.addFieldOffset(f.signature, signature, 0) }),
    });
  });

  const codes = operators.map(({ name }) =>
    table({ 3: () => b.addFieldInt32(FIELD.operatorCode.builtinCode, OPERATORS.indexOf(name), 0) }),
  );
  const nodes = operators.map((operator, i) => {
    const [reads, writes] = [ints(operator.inputs), ints(operator.outputs)];
    const given = Object.entries(operator.options ?? {}).map(([field, value]) => {
      const n = Number(field);
      if (Array.isArray(value)) {
        const at = ints(value);
        return () => b.addFieldOffset(n, at, 0);
      }
      if (typeof value === "number") return () => b.addFieldInt32(n, value, 0);
      return "f32" in (value as object)
        ? () => b.addFieldFloat32(n, (value as { f32: number }).f32, 0)
        : () => b.addFieldInt8(n, (value as { i8: number }).i8, 0);
    });
    const options = given.length ? table(Object.fromEntries(given.entries())) : 0;
    const f = FIELD.operator;
    return table({
      0: () => b.addFieldInt32(f.code, i, 0),
      1: () => b.addFieldOffset(f.inputs, reads, 0),
      2: () => b.addFieldOffset(f.outputs, writes, 0),
      ...(options && {
        3: () => b.addFieldInt8(3, operator.optionsType ?? 1, 0),
        4: () => b.addFieldOffset(f.options, options, 0),
      }),
    });
  });

  const parts = [refs(made), ints(inputs), ints(outputs), refs(nodes)];
  const graph = table(Object.fromEntries(parts.map((at, n) => [n, () => b.addFieldOffset(n, at, 0)])));
  const called = (names: Readonly<Record<string, number>>) =>
    refs(
      Object.entries(names).map(([name, index]) => {
        const text = b.createString(name);
        return table({
          0: () => b.addFieldOffset(FIELD.signatureTensor.name, text, 0),
          1: () => b.addFieldInt32(FIELD.signatureTensor.index, index, -1),
        });
      }),
    );
  const signed = signature && [called(signature.inputs), called(signature.outputs)];
  const signatures =
    signed &&
    refs([
      table({
        0: () => b.addFieldOffset(FIELD.signature.inputs, signed[0]!, 0),
        1: () => b.addFieldOffset(FIELD.signature.outputs, signed[1]!, 0),
      }),
    ]);
  const lists = [refs(codes), refs([graph]), refs(buffers)];
  const m = FIELD.model;
  const model = table({
    0: () => b.addFieldInt32(m.version, 3, 0),
    1: () => b.addFieldOffset(m.operatorCodes, lists[0]!, 0),
    2: () => b.addFieldOffset(m.subgraphs, lists[1]!, 0),
    4: () => b.addFieldOffset(m.buffers, lists[2]!, 0),
    ...(signatures && { 7: () => b.addFieldOffset(m.signatures, signatures, 0) }),
  });
  b.finish(model, "TFL3");
  return b.asUint8Array().slice();
}
