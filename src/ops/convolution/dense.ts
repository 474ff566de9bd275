/**
 * dense(x [in], weight [out, in], bias [out]?) -> [out]; `relu`: max(0, y) fused in by the fusion pass.
 * Int8 weights make it static (int8 x, i32 bias) or dynamic (float x): see int8-types.ts.
 */
import { showShape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import { indices } from "../../graph/axes.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { ACTIVATION, realOperands, weightedOperands } from "../../graph/operand.ts";
import { bias, kernel, type Stored } from "../../graph/stored.ts";
import { flat, panels, panelsTransposed } from "../../kernels/layout.ts";
import { gemmScratch, MODE } from "../../kernels/table/f32-gemm.ts";
import { reluGradient } from "../activation/relu.ts";
import { evaluateWeighted } from "../quantized/int8-arithmetic.ts";
import { isInt8, type Quantized, weightedType } from "../quantized/int8-types.ts";
import { lowerDenseInt8 } from "./dense-int8.ts";
import { lowerSparse } from "./sparse.ts";

export interface Dense extends Quantized {
  relu?: boolean;
}

export const dense: Op<Dense> = {
  name: "dense",
  takes: /* @__PURE__ */ weightedOperands(
    { ...ACTIVATION, rank: 1, what: "a vector per image (flatten first)" },
    2,
    "weights of outputs x inputs",
  ),
  infer([x, weight, bias], attrs) {
    if (weight!.shape[1] !== x!.shape[0])
      throw new RangeError(`weights of ${showShape(weight!.shape)} do not fit inputs of ${showShape(x!.shape)}`);
    return [weightedType([weight!.shape[0]!], x!, weight!, bias, attrs)];
  },
};

/** (x, dy) -> dw, db?, each a sum over the images. */
export const denseWeightGradient: Op<{ bias: boolean }> = {
  name: "denseWeightGradient",
  takes: realOperands,
  infer([x, dy], { bias }) {
    const out = dy!.shape[0]!;
    const sum = (shape: number[]) => ({ shape, dtype: "f32" as const, batched: false });
    return [sum([out, x!.shape[0]!]), ...(bias ? [sum([out])] : [])];
  },
};

/** (weight, dy, y?) -> dx; with y also zero where y <= 0, the relu in front of it. */
export const denseInputGradient: Op = {
  name: "denseInputGradient",
  takes: realOperands,
  infer: ([weight]) => [{ shape: [weight!.shape[1]!], dtype: "f32", batched: true }],
};

export const evaluate = {
  dense(inputs, attrs: Dense, types) {
    return evaluateWeighted(inputs, attrs, types, ([x, weight, bias]) => {
      const [images, K] = x!.shape as [number, number];
      const N = weight!.shape[0]!;
      const y = tensor([images, N]);
      for (let i = 0; i < images; i++)
        for (let o = 0; o < N; o++) {
          let sum = bias ? bias.data[o]! : 0;
          for (let k = 0; k < K; k++) sum += x!.data[i * K + k]! * weight!.data[o * K + k]!;
          y.data[i * N + o] = sum;
        }
      return y;
    });
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  denseWeightGradient([x, dy], { bias }) {
    const [images, K] = x!.shape as [number, number];
    const N = dy!.shape[1]!;
    const dw = tensor([N, K]);
    const db = tensor([N]);
    for (let i = 0; i < images; i++)
      for (let o = 0; o < N; o++) {
        const d = dy!.data[i * N + o]!;
        db.data[o]! += d;
        for (let k = 0; k < K; k++) dw.data[o * K + k]! += d * x!.data[i * K + k]!;
      }
    return bias ? [dw, db] : [dw];
  },
  denseInputGradient([weight, dy, y]) {
    const [images, N] = dy!.shape as [number, number];
    const K = weight!.shape[1]!;
    const dx = tensor([images, K]);
    for (let i = 0; i < images; i++)
      for (let o = 0; o < N; o++)
        for (let k = 0; k < K; k++) dx.data[i * K + k]! += dy!.data[i * N + o]! * weight!.data[o * K + k]!;
    if (y)
      y.data.forEach((v, i) => {
        if (v <= 0) dx.data[i] = 0;
      });
    return [dx];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  dense(node: Node<Dense>, [dy], graph) {
    const [x, weight, bias] = node.inputs;
    const d = node.attrs.relu ? graph.one(reluGradient, [dy!, node.outputs[0]!]) : dy!;
    const [dw, db] = graph.add(denseWeightGradient, [x!, d], { bias: !!bias });
    return [graph.one(denseInputGradient, [weight!, d]), dw, db];
  },
} satisfies Record<string, Gradient | object>;

/** Columns a GEMM writes so that the padding of a flat row of `n` floats becomes zero too. */
const columns = (n: number): number => flat.bytes([n], "f32") / 4;

export const lower = {
  dense(node: Node<Dense>, c) {
    const [x, weight, bias] = node.inputs;
    const y = node.outputs[0]!;
    const [N, K] = weight!.type.shape as [number, number];
    const relu = !!node.attrs.relu;
    if (isInt8(weight!.type)) {
      lowerDenseInt8(node, c);
      return;
    }
    if (relu && !bias) throw new Error("a fused relu comes with a bias");
    const mode = relu ? MODE.biasRelu : bias ? MODE.bias : MODE.plain;
    if (lowerSparse(node, c, mode)) return;
    c.call("f32_gemm", {
      m: "count",
      n: columns(N),
      k: K,
      a: c.in(x!),
      lda: c.strideIn(x!, flat),
      weight: c.in(weight!, panels),
      c: c.out(y),
      ldc: c.stride(y),
      mode,
      aux: bias ? c.in(bias) : 0,
      scratch: c.scratch("packed rows", gemmScratch(K, c.batch)),
    });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  denseWeightGradient(node: Node<{ bias: boolean }>, c) {
    const [x, dy] = node.inputs;
    const [dw, db] = node.outputs;
    const [N, K] = dw!.type.shape as [number, number];
    c.call("f32_gemm_weight_gradient", {
      m: "count",
      n: N,
      k: K,
      x: c.in(x!),
      ldx: c.strideIn(x!, flat),
      dy: c.in(dy!),
      lddy: c.strideIn(dy!, flat),
      dw: c.out(dw!, panels),
      db: db ? c.out(db) : c.scratch("unused bias gradient", flat.bytes([N], "f32")),
      accumulate: 0,
    });
  },
  denseInputGradient(node: Node, c) {
    const [weight, dy, y] = node.inputs;
    const dx = node.outputs[0]!;
    const [N, K] = weight!.type.shape as [number, number];
    c.call("f32_gemm", {
      m: "count",
      n: columns(K),
      k: N,
      a: c.in(dy!),
      lda: c.strideIn(dy!, flat),
      weight: c.in(weight!, panelsTransposed),
      c: c.out(dx),
      ldc: c.stride(dx),
      mode: y ? MODE.mask : MODE.plain,
      aux: y ? c.in(y) : 0,
      scratch: c.scratch("packed rows", gemmScratch(N, c.batch)),
    });
  },
} satisfies Record<string, Lower>;

export const prefers = {
  dense: (node, operand) => (operand === 1 && !isInt8(node.inputs[1]!.type) ? panels : undefined),
} satisfies Record<string, Prefers>;

export const prefersBackward = {
  denseInputGradient: (_, operand) => (operand === 0 ? panels : undefined),
} satisfies Record<string, Prefers>;

const macs = (node: Node) => ({ macs: size(node.inputs[0]!.type.shape) * size(node.inputs[1]!.type.shape) });

export const cost = {
  dense: (node: Node) => ({ macs: size(node.inputs[1]!.type.shape) }),
  denseWeightGradient: macs,
  denseInputGradient: (node: Node) => ({ macs: size(node.inputs[0]!.type.shape) }),
} satisfies Record<string, CostOf>;

export const axes = {
  dense(node: Node) {
    const [x, weight, bias] = node.inputs;
    const units = indices(weight!.type.shape[0]!);
    const from = indices(x!.type.shape[0]!);
    return { operands: [[from], [units, from], ...(bias ? [[units]] : []), [units]] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  dense: { int8: "kernel", kernel: "outputsLast" },
} satisfies Record<string, Traits>;

export const stored = {
  dense: {
    op: dense,
    number: 2,
    fields: {},
    parameters: [/* @__PURE__ */ kernel(([x]) => [0, x!.shape[0]!]), bias],
  },
} satisfies Record<string, Stored>;
