/** `penjing/kernels`: the raw kernels, and the main ones on typed arrays. */
export {
  type Affine,
  type ArrayKernels,
  type Csr,
  type F32Conv2dOptions,
  type F32GemmOptions,
  type GemmSizes,
  type I8GemmOptions,
  type KernelsOptions,
  kernels,
  type RawKernels,
} from "./arrays.ts";
export { clockGHz } from "./clock.ts";
export { chooseVariant, forceVariant, type RelaxedDot, type Support, supported, type Variant } from "./load.ts";
export { MODE } from "./table/f32-gemm.ts";
export { KERNEL_NAMES, KERNELS, type KernelName, type Role, type Row } from "./table.ts";
