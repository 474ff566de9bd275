/**
 * Constant weights that are mostly zeros, packed for the kernels of assembly/i8-sparse.ts and assembly/f32-sparse.ts,
 * and the work they are. All places in what is packed are counted here, from sizes: no number of a tensor is one.
 */
import type { Work } from "./cost/cheapest.ts";
import { depthwiseTapAxes, runsOf, type Window } from "./i8/offsets.ts";
import type { StoredImage } from "./i8/stored.ts";

/** Weights [cout][length]. */
export interface Matrix {
  readonly data: ArrayLike<number>;
  readonly cout: number;
  readonly length: number;
}

/** The size of an entry of a kernel: a number of inputs, and their weights for a number of outputs. */
export interface Entry {
  /** Inputs: one float, or a k-group of int8, 2 (plain) or 4 (relaxed). */
  readonly inputs: number;
  /** Outputs that share a list of entries. */
  readonly outputs: 1 | 4 | 16;
}

/** Pixels of a tile, and outputs that it stores together. */
const PIXELS = 8;
const FOUR = 4;

/** Samples by which `matrixOf` judges. */
const SAMPLES = 256;

/**
 * The weights of a layer, if it is worth a closer look: a quarter of some samples are zeros. With fewer of them nothing
 * sparse pays.
 */
export function matrixOf(data: ArrayLike<number> | undefined, cout: number): Matrix | undefined {
  if (!data) return undefined;
  const step = Math.max(1, data.length / SAMPLES);
  let zeros = 0;
  for (let i = 0; i < data.length; i += step) if (!data[Math.floor(i)]) zeros++;
  return zeros * 4 * step < data.length ? undefined : { data, cout, length: data.length / cout };
}

/**
 * The entries of outputs from `first` on, each as its inputs: those that have a weight in any of these outputs.
 * `neighbours`: the inputs of an entry lie side by side in x, and some may have no weight; else any are put together.
 */
function entriesOf(matrix: Matrix, first: number, { inputs, outputs }: Entry, neighbours: boolean): number[][] {
  const { data, cout, length } = matrix;
  const entries: number[][] = [];
  const end = Math.min(first + outputs, cout) * length;
  let last: number[] = [];
  for (let k = 0; k < length; k++) {
    let i = first * length + k;
    while (i < end && !data[i]) i += length;
    if (i >= end || (neighbours && last[0]! + inputs > k)) continue;
    if (neighbours) last = Array.from({ length: inputs }, (_, j) => k - (k % inputs) + j);
    else if (last.length % inputs) {
      last.push(k);
      continue;
    } else last = [k];
    entries.push(last);
  }
  return entries;
}

/** Entries of all outputs. */
function countEntries(matrix: Matrix, entry: Entry, neighbours: boolean): number {
  let sum = 0;
  for (let first = 0; first < matrix.cout; first += entry.outputs)
    sum += entriesOf(matrix, first, entry, neighbours).length;
  return sum;
}

/** Entries of all images; groups of outputs of all images. */
export const rowWork = (matrix: Matrix, entry: Entry, images: number): Work => [
  images * countEntries(matrix, entry, true),
  images * Math.ceil(matrix.cout / entry.outputs),
];

/** Entries of all tiles of 8 pixels; chunks of all tiles; fours of outputs of all tiles. */
export function tileWork(matrix: Matrix, entry: Entry, pixels: number, { chunks }: Gathering): Work {
  const tiles = Math.ceil(pixels / PIXELS);
  const entries = countEntries(matrix, entry, false);
  return [tiles * entries, tiles * chunks.length, tiles * Math.ceil(matrix.cout / FOUR)];
}

/** The way in which a tile gathers its inputs. */
export interface Gathering {
  /** Where chunks of neighbours begin, in bytes from the first tap of a pixel. */
  readonly chunks: Int32Array;
  /** The row of each input in what is transposed, in bytes. */
  readonly rows: Int32Array;
  /** Bytes of scratch: tables of pixels, vectors, and what is transposed. */
  readonly scratch: number;
}

/** Gathers the taps of a window: chunks of 8 channels of a stored image, of 4 of an image of floats. */
export function gathering(image: StoredImage, window: Window): Gathering {
  const { runs, length } = runsOf(window, image.channels);
  const element = image.pixelStride / image.channels;
  const lanes = element === 4 ? 4 : 8;
  const each = Math.ceil(length / lanes);
  const across = runs / window.kernel[0];
  const [down, right] = depthwiseTapAxes(image, window).map(([, step]) => step) as [number, number];
  const chunks = Int32Array.from({ length: runs * each }, (_, i) => {
    const run = Math.floor(i / each);
    return Math.floor(run / across) * down + (run % across) * right + (i % each) * lanes * element;
  });
  const rows = Int32Array.from({ length: runs * length }, (_, k) => {
    return (Math.floor(k / length) * each * lanes + (k % length)) * PIXELS * element;
  });
  return { chunks, rows, scratch: 256 + chunks.length * lanes * PIXELS * element };
}

const float = /* @__PURE__ */ new Float32Array(1);
const bits = /* @__PURE__ */ new Int32Array(float.buffer);

/** The bits of an f32. */
export function bitsOf(x: number): number {
  float[0] = x;
  return bits[0]!;
}

/** Biases and scales, one for each output. */
export interface Requantized {
  readonly bias: ArrayLike<number> | undefined;
  readonly scale: Float32Array;
  /** Zero point of x. */
  readonly zero: number;
}

/**
 * The words of a sparse kernel. Of every `width` outputs: of int8 their biases, less what the zero point adds to each
 * sum, and scales; then of each list how many entries it has, and these: the places of the inputs, and a word of
 * weights for each output. `rows`: the places of inputs in a tile; undefined: an entry is neighbours in x, and has one
 * place.
 */
export function pack(matrix: Matrix, entry: Entry, width: 4 | 16, rows?: Int32Array, int8?: Requantized): Int32Array {
  const { data, cout, length } = matrix;
  const { inputs, outputs } = entry;
  const size = 32 / inputs;
  const weight = (o: number, k: number) => (o < cout && k < length ? (data[o * length + k] ?? 0) : 0);
  const word = (o: number, ks: readonly number[]) =>
    int8
      ? ks.reduce((all, k, i) => all | ((weight(o, k) & (-1 >>> (32 - size))) << (size * i)), 0)
      : bitsOf(weight(o, ks[0]!));
  const words: number[] = [];
  for (let first = 0; first < cout; first += width) {
    if (int8) {
      const each = Array.from({ length: width }, (_, i) => first + i);
      for (const o of each) {
        let bias = int8.bias?.[o] ?? 0;
        for (let k = 0; k < length; k++) bias -= (int8.zero + 128) * weight(o, k);
        words.push(bias);
      }
      for (const o of each) words.push(bitsOf(int8.scale[o] ?? 0));
    }
    for (let o = first; o < first + width; o += outputs) {
      const entries = entriesOf(matrix, o, entry, !rows);
      words.push(entries.length);
      for (const ks of entries) {
        if (rows) for (let i = 0; i < inputs; i++) words.push(rows[ks[i]!] ?? 0);
        else words.push((ks[0]! / inputs) * 4);
        for (let i = 0; i < outputs; i++) words.push(word(o + i, ks));
      }
    }
  }
  return Int32Array.from(words);
}

/** Is every sum, in steps of the output, less than 2^21? `i8_sparse_conv2d` rounds without a clamp before. */
export function roundable({ data, cout, length }: Matrix, { bias, scale }: Requantized): boolean {
  for (let o = 0; o < cout; o++) {
    let reach = Math.abs(bias?.[o] ?? 0);
    for (let i = o * length; i < (o + 1) * length; i++) reach += 255 * Math.abs(data[i]!);
    if (!(reach * scale[o]! < 2 ** 21)) return false;
  }
  return true;
}
