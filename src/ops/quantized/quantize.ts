/** quantize(x f32) -> int8 of `quantization`, and dequantize back: the borders of int8 in a graph. */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Quantization } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gives, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { REAL } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { rowsOf } from "../../kernels/i8/stored.ts";
import { noIntegerAxes } from "../elementwise.ts";
import { nearest } from "./int8-arithmetic.ts";
import { storedIn, storedOut } from "./int8-buffers.ts";
import { affine, noIntegerGradient, runsOnly } from "./int8-types.ts";

export interface Quantize {
  quantization: Quantization;
}

export const quantize: Op<Quantize> = {
  name: "quantize",
  takes: { list: [{ ...REAL, batched: true }] },
  infer([x], { quantization }) {
    return [{ shape: x!.shape, dtype: "i8", batched: x!.batched, quantization }];
  },
};

export const dequantize: Op = {
  name: "dequantize",
  takes: { list: [{ dtypes: ["i8"], batched: true }] },
  infer([x]) {
    return [{ shape: x!.shape, dtype: "f32", batched: x!.batched }];
  },
};

/** Kernels multiply by 1 / scale in f32: so does the specification. */
export const evaluate = {
  quantize([x], { quantization: q }: Quantize) {
    const inverse = Math.fround(1 / q.scale[0]!);
    return [
      tensor(
        x!.shape,
        x!.data.map(v => nearest(v, inverse, q.zeroPoint)),
      ),
    ];
  },
  dequantize([x], _, { inputs: [type] }) {
    const { scale, zeroPoint } = type!.quantization!;
    return [
      tensor(
        x!.shape,
        x!.data.map(v => Math.fround((v - zeroPoint) * scale[0]!)),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

export const gradient = { quantize: noIntegerGradient, dequantize: noIntegerGradient } satisfies Record<
  string,
  Gradient | object
>;

export const lower = {
  quantize(node: Node<Quantize>, c) {
    const y = node.outputs[0]!;
    const { scale, zero } = affine(y.type);
    const to = storedOut(c, y);
    const inverse = Math.fround(1 / scale);
    c.each("i8_quantize", {
      x: c.in(node.inputs[0]!),
      y: to.ref,
      row_stride: to.rowStride,
      ...rowsOf(to),
      inverse,
      zero,
    });
  },
  dequantize(node: Node, c) {
    const x = node.inputs[0]!;
    const from = storedIn(c, x);
    const y = c.out(node.outputs[0]!);
    c.each("i8_dequantize", { x: from.ref, y, row_stride: from.rowStride, ...rowsOf(from), ...affine(x.type) });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  quantize: runsOnly,
  dequantize: runsOnly,
};

export const cost = { quantize: () => ({ macs: 0 }), dequantize: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

export const axes = { quantize: noIntegerAxes, dequantize: noIntegerAxes } satisfies Record<string, Axes | object>;

export const traits = {
  quantize: { int8: "border" },
  dequantize: { int8: "border" },
} satisfies Record<string, Traits>;

export const gives = { quantize: "input", dequantize: "input" } satisfies Record<string, Gives>;

export const stored = {
  quantize: { op: quantize, number: 13, fields: {} },
  dequantize: { op: dequantize, number: 14, fields: {} },
} satisfies Record<string, Stored>;
