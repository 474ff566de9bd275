/** int8 convolutions by fast FIR with a 2x2 max pool, of the plain variant alone: assembly/i8-conv2d-fir.ts. */
import { roundUp } from "../../base/shape.ts";
import type { Work } from "../cost/cheapest.ts";
import type { ConvolutionSize } from "./conv2d.ts";
import { panelBytes } from "./panels.ts";

/** Taps of the longer parts of a kernel axis, S and H0. */
const half = (kernel: number): number => (kernel + 1) >> 1;

/** Pairs of numbers in all parts of a kernel axis, S, H0 and H1, where a tap has `taps` numbers. */
const firPairs = (kernel: number, taps: number): number =>
  2 * Math.ceil((half(kernel) * taps) / 2) + Math.ceil(((kernel >> 1) * taps) / 2);

type FirKernel = Pick<ConvolutionSize, "cout" | "kh" | "kw" | "cin">;

/** Weights of all parts of a kernel, in pairs. */
const firProducts = ({ kh, kw, cin }: FirKernel): number => firPairs(kh, 2) * firPairs(kw, cin);

/** Bytes that `i8_conv2d_fir_pack` writes: its nine steps, then panels of 8 outputs. */
export const firPackedBytes = (kernel: FirKernel): number => 224 + panelBytes(kernel.cout, firProducts(kernel));

/**
 * Pairs of products of all panels and windows; panels of all windows; channels of all windows. Windows are taken in
 * fours. Undefined where nothing is saved.
 */
export function firWork(size: ConvolutionSize): Work | undefined {
  const { cin, oh, ow, cout, kh, kw } = size;
  if (ow < 4 || kh === 1 || kw === 1) return undefined;
  const panels = oh * roundUp(ow, 4) * Math.ceil(cout / 8);
  return [panels * firProducts(size), panels, oh * ow * cin];
}

/** Scratch of `i8_conv2d_fir_max_pool2d`: slots of sums, and nine planes. */
export function firScratchBytes({
  oh,
  ow,
  kh,
  kw,
  cin,
}: Omit<ConvolutionSize, "cout" | "stride_h" | "stride_w">): number {
  const plane = (oh + half(kh) - 1) * (ow + half(kw) - 1) * cin * 2;
  return 6 * 128 + 9 * (roundUp(plane + 32, 16) + 16);
}
