/** The geometry of everything that slides a window over NHWC images: convolutions and pools. */
import { type Shape, showShape } from "../../base/shape.ts";
import { count, signed } from "../../graph/stored.ts";

export interface Window {
  /** [down, right] */
  strides: readonly [number, number];
  /** [top, left, bottom, right], as ONNX orders them; negative pads crop. */
  pads: readonly [number, number, number, number];
  dilations: readonly [number, number];
}

export const plainWindow: Window = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] };

/** Pixels from the first to the last tap of a window. */
export const reach = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/**
 * Output size along one axis; `ceil`: a last window may hang over the end, but must begin inside the image or its
 * leading pad.
 */
export function outputSize(
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  before: number,
  after: number,
  ceil = false,
): number {
  const free = size + before + after - reach(kernel, dilation);
  if (free < 0) return 0;
  if (!ceil) return Math.floor(free / stride) + 1;
  const n = Math.ceil(free / stride) + 1;
  return (n - 1) * stride >= size + before ? n - 1 : n;
}

/** Every number of a window, and every sum of two, is below this, so that kernels count in 32 bits. */
const LIMIT = 2 ** 30;

/** [height, width] of what a window of `kernel` gives on an image, or a RangeError that names both. */
export function windowed(image: Shape, kernel: readonly [number, number], w: Window, ceil = false): [number, number] {
  const steps = [...kernel, ...w.strides, ...w.dilations];
  if (![...steps, ...w.pads].every(n => Number.isInteger(n) && Math.abs(n) < LIMIT) || Math.min(...steps) < 1)
    throw new RangeError(
      `expects sizes, strides and dilations >= 1 and pads, all below 2^30, got ${[...steps]} and ${w.pads}`,
    );
  const along = ([size, taps, stride, dilation, before, after]: Along) => {
    const whole = size + Math.max(before, 0) + Math.max(after, 0);
    return whole < LIMIT ? outputSize(size, taps, stride, dilation, before, after, ceil) : 0;
  };
  const [h, wide] = [along(axis(0, image, kernel, w)), along(axis(1, image, kernel, w))];
  if (h < 1 || wide < 1)
    throw new RangeError(
      `a window of ${showShape(kernel)} does not fit images of ${showShape(image)} with pads ${w.pads}`,
    );
  return [h, wide];
}

type Along = readonly [size: number, taps: number, stride: number, dilation: number, before: number, after: number];

/** The numbers of a window along the height (0) or the width (1). */
const axis = (a: 0 | 1, image: Shape, kernel: readonly [number, number], w: Window): Along => [
  image[a]!,
  kernel[a],
  w.strides[a],
  w.dilations[a],
  w.pads[a],
  w.pads[a === 0 ? 2 : 3],
];

/**
 * [height, width] of what a pool gives. A window without a tap inside the image is refused, since it has no mean and no
 * maximum: Keras, TensorFlow Lite and ONNX make none (ONNX: pads are less than the kernel). So is a window that hangs
 * over a cropped edge.
 */
export function pooled(image: Shape, kernel: readonly [number, number], w: Window, ceil = false): [number, number] {
  const output = windowed(image, kernel, w, ceil);
  for (const a of [0, 1] as const) {
    const [size, taps, stride, dilation, before, after] = axis(a, image, kernel, w);
    const extent = reach(taps, dilation);
    const last = (output[a] - 1) * stride - before;
    // where a window begins in front of the image, one of its steps must not be able to jump over it
    const empty = before >= extent || last >= size || (before > 0 && dilation > size);
    const cropped = after < 0 && last + extent > size + after;
    const where = empty ? "lies wholly in the padding" : "hangs over a cropped edge";
    if (empty || cropped)
      throw new RangeError(
        `a pool's window ${where}: ${showShape(kernel)} over images of ${showShape(image)} with pads ${w.pads}`,
      );
  }
  return output;
}

/** The pads that TensorFlow's padding "same" stands for: the odd one goes behind. */
export function samePads(
  image: Shape,
  kernel: readonly [number, number],
  strides: readonly [number, number],
  dilations: readonly [number, number],
): [number, number, number, number] {
  const along = (axis: 0 | 1): [number, number] => {
    const n = Math.ceil(image[axis]! / strides[axis]);
    const total = Math.max(0, (n - 1) * strides[axis] + reach(kernel[axis], dilations[axis]) - image[axis]!);
    return [total >> 1, total - (total >> 1)];
  };
  const [top, bottom] = along(0);
  const [left, right] = along(1);
  return [top, left, bottom, right];
}

/** Visits every tap of every output pixel that lies inside the image: (input pixel, tap, output pixel). */
export function taps(
  image: Shape,
  kernel: readonly [number, number],
  output: Shape,
  w: Window,
  visit: (input: number, tap: number, output: number) => void,
): void {
  const [height, width] = image as [number, number];
  const [oh, ow] = output as [number, number];
  for (let oy = 0; oy < oh; oy++)
    for (let ox = 0; ox < ow; ox++)
      for (let ky = 0; ky < kernel[0]; ky++)
        for (let kx = 0; kx < kernel[1]; kx++) {
          const y = oy * w.strides[0] - w.pads[0] + ky * w.dilations[0];
          const x = ox * w.strides[1] - w.pads[1] + kx * w.dilations[1];
          if (y >= 0 && y < height && x >= 0 && x < width) visit(y * width + x, ky * kernel[1] + kx, oy * ow + ox);
        }
}

/** The arguments all kernels that slide a window name alike. */
export const windowGeometry = (image: Shape, kernel: readonly [number, number], y: Shape, a: Window) => ({
  h: image[0]!,
  w: image[1]!,
  c: image[2]!,
  cin: image[2]!,
  oh: y[0]!,
  ow: y[1]!,
  cout: y[2]!,
  kh: kernel[0],
  kw: kernel[1],
  stride_h: a.strides[0],
  stride_w: a.strides[1],
  pad_t: a.pads[0],
  pad_l: a.pads[1],
  pad_b: a.pads[2],
  pad_r: a.pads[3],
  dilation_h: a.dilations[0],
  dilation_w: a.dilations[1],
});

/** Attributes of a window in a file. */
export const windowFields = {
  strides: { of: count, usual: [1, 1] },
  pads: { of: signed, usual: [0, 0, 0, 0] },
  dilations: { of: count, usual: [1, 1] },
} as const;

/** Attributes of a pool in a file. */
export const poolFields = {
  size: { of: count, usual: [2, 2] },
  strides: { of: count, usual: [2, 2] },
  pads: windowFields.pads,
  dilations: windowFields.dilations,
  ceil: { usual: false },
} as const;
