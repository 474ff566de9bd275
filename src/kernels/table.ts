/**
 * The kernel table: every kernel's name, argument roles and presumptions, in one place. The switches of the
 * interpreters and the signatures for planning (forms.ts) are generated from it; lowering, tests, benchmarks and
 * messages use the same names. Code of `penjing/run` imports only types from here.
 *
 * Names: `<data>[_<weights>]_<family>[_<fused>]`, e.g. `f32_conv2d_relu_max_pool2d`. A family's rows are in
 * `table/<data>-<family>.ts`, its AssemblyScript in `assembly/<data>-<family>.ts`, its slow twins in
 * `reference/<data>-<family>.ts`, and its sweep in `test/kernels/<data>-<family>.test.ts`.
 */

import { f32BatchNormalization } from "./table/f32-batch-normalization.ts";
import { f32Codebook } from "./table/f32-codebook.ts";
import { f32Conv2d } from "./table/f32-conv2d.ts";
import { f32Conv2dReluMaxPool2d } from "./table/f32-conv2d-relu-max-pool2d.ts";
import { f32Conv2dReluMaxPool2dGradient } from "./table/f32-conv2d-relu-max-pool2d-gradient.ts";
import { f32Conv2dReluMaxPool2dWinograd } from "./table/f32-conv2d-relu-max-pool2d-winograd.ts";
import { f32Depthwise } from "./table/f32-depthwise.ts";
import { f32Elementwise } from "./table/f32-elementwise.ts";
import { f32FakeQuantize } from "./table/f32-fake-quantize.ts";
import { f32Gemm } from "./table/f32-gemm.ts";
import { f32LayerNormalization } from "./table/f32-layer-normalization.ts";
import { f32Loss } from "./table/f32-loss.ts";
import { f32Optimizer } from "./table/f32-optimizer.ts";
import { f32Pool } from "./table/f32-pool.ts";
import { f32Reduce } from "./table/f32-reduce.ts";
import { f32Resize } from "./table/f32-resize.ts";
import { f32Softmax } from "./table/f32-softmax.ts";
import { f32Sparse } from "./table/f32-sparse.ts";
import { f32Spmm } from "./table/f32-spmm.ts";
import { i8Conv2d, i8Conv2d1c, i8Conv2dFir } from "./table/i8-conv2d.ts";
import { i8Conv2dWinograd } from "./table/i8-conv2d-winograd.ts";
import { i8Dense } from "./table/i8-dense.ts";
import { i8Depthwise, i8Depthwise3x3 } from "./table/i8-depthwise.ts";
import { i8Elementwise } from "./table/i8-elementwise.ts";
import { i8Gemm } from "./table/i8-gemm.ts";
import { i8Pool2d } from "./table/i8-pool2d.ts";
import { i8Quantize } from "./table/i8-quantize.ts";
import { i8Reduce } from "./table/i8-reduce.ts";
import { i8Resize } from "./table/i8-resize.ts";
import { i8Sparse } from "./table/i8-sparse.ts";
import { i8Spmm } from "./table/i8-spmm.ts";
import { memory } from "./table/memory.ts";
import type { Role, Row } from "./table/row.ts";
import { tally } from "./table/tally.ts";
import { u8Rescale } from "./table/u8-rescale.ts";

export type { Role, Row };

/**
 * Files in assembly/ and their kernels. The order gives a kernel its number in one binary of one build; no file stores
 * these numbers.
 */
export const FAMILIES = {
  memory,
  tally,
  "f32-elementwise": f32Elementwise,
  "u8-rescale": u8Rescale,
  "f32-softmax": f32Softmax,
  "f32-loss": f32Loss,
  "f32-optimizer": f32Optimizer,
  "f32-batch-normalization": f32BatchNormalization,
  "f32-layer-normalization": f32LayerNormalization,
  "f32-codebook": f32Codebook,
  "f32-reduce": f32Reduce,
  "f32-fake-quantize": f32FakeQuantize,
  "f32-gemm": f32Gemm,
  "f32-conv2d": f32Conv2d,
  "f32-depthwise": f32Depthwise,
  "f32-pool": f32Pool,
  "f32-resize": f32Resize,
  "f32-spmm": f32Spmm,
  "i8-spmm": i8Spmm,
  "i8-reduce": i8Reduce,
  "i8-resize": i8Resize,
  "i8-quantize": i8Quantize,
  "i8-gemm": i8Gemm,
  "i8-conv2d": i8Conv2d,
  "i8-conv2d-1c": i8Conv2d1c,
  "i8-conv2d-fir": i8Conv2dFir,
  "i8-conv2d-winograd": i8Conv2dWinograd,
  "i8-dense": i8Dense,
  "i8-depthwise": i8Depthwise,
  "i8-depthwise-3x3": i8Depthwise3x3,
  "i8-pool2d": i8Pool2d,
  "i8-elementwise": i8Elementwise,
  "i8-sparse": i8Sparse,
  "f32-sparse": f32Sparse,
  "f32-conv2d-relu-max-pool2d": f32Conv2dReluMaxPool2d,
  "f32-conv2d-relu-max-pool2d-winograd": f32Conv2dReluMaxPool2dWinograd,
  "f32-conv2d-relu-max-pool2d-gradient": f32Conv2dReluMaxPool2dGradient,
} as const;

type Union<T> = T extends unknown ? (x: T) => void : never;
type Merged = Union<(typeof FAMILIES)[keyof typeof FAMILIES]> extends (x: infer I) => void ? I : never;

export type KernelName = keyof Merged & string;

/**
 * Arguments that lowering works out where they are not given: counts, and the step from image to image of an address
 * (`row.ts`).
 */
type Implied<R> = {
  [P in keyof R]: R[P] extends "count"
    ? P
    : P extends `${infer Address}s`
      ? Address extends keyof R
        ? P
        : never
      : never;
}[keyof R];

/** The arguments of kernel K, each an A. */
export type KernelArgs<K extends KernelName, A> = Merged[K] extends { args: infer R }
  ? { [P in Exclude<keyof R, Implied<R>>]: A } & { [P in Implied<R>]?: A }
  : never;

/** The arguments of all of several kernels, each an A: what a call of any one of them takes. */
export type AllKernelArgs<K extends KernelName, A> = (
  K extends KernelName
    ? (args: KernelArgs<K, A>) => void
    : never
) extends (args: infer I) => void
  ? I
  : never;

export const KERNELS = Object.assign({}, ...Object.values(FAMILIES)) as Record<KernelName, Row>;

export const KERNEL_NAMES = Object.keys(KERNELS) as KernelName[];

export const inBinary = (row: Row, binary: "run" | "train"): boolean => row.binary === "both" || row.binary === binary;

/** The kernels of a binary, in the order of their numbers there. */
export const kernelsOf = (binary: "run" | "train"): KernelName[] =>
  KERNEL_NAMES.filter(name => inBinary(KERNELS[name], binary));
