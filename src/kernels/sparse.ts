/**
 * Constant weights that are mostly zeros, packed for the kernels of assembly/i8-sparse.ts and assembly/f32-sparse.ts,
 * and the work they are. All places in what is packed are counted here, from sizes: no number of a tensor is one.
 */
import type { Work } from "./cost/cheapest.ts";
import { depthwiseTapAxes, runsOf, type TableAxes, type Window } from "./i8/offsets.ts";
import { type StoredImage, storedBytes } from "./i8/stored.ts";
import type { Variant } from "./load.ts";
import type { Conv2dGeometry } from "./table/f32-conv2d.ts";

/** Weights [cout][length]. */
export interface Matrix {
  readonly data: ArrayLike<number>;
  readonly cout: number;
  readonly length: number;
}

/** What an entry is, by kernel: so many inputs, and their weights for so many outputs. */
export interface Entry {
  /** Inputs: one float, or a k-group of int8. */
  readonly inputs: 1 | 2 | 4;
  /** Outputs that share a list of entries. */
  readonly outputs: 1 | 4 | 16;
}

/** Inputs of an int8 entry. */
export const kGroup = (variant: Variant): 2 | 4 => (variant === "relaxed" ? 4 : 2);

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
export function tileWork(matrix: Matrix, entry: Entry, pixels: number, { chunks }: Rows): Work {
  const tiles = Math.ceil(pixels / PIXELS);
  const entries = countEntries(matrix, entry, false);
  return [tiles * entries, tiles * chunks.length, tiles * Math.ceil(matrix.cout / FOUR)];
}

/** What the inputs of a tile are gathered by: where chunks of neighbours begin, and the row of each input, in bytes. */
export interface Rows {
  readonly chunks: Int32Array;
  readonly rows: Int32Array;
}

/** A grid of runs of `length` elements of so many bytes; `lanes` elements are a chunk. */
function rowsOf([[down, row], [across, column]]: Grid, length: number, lanes: number, element: number): Rows {
  const each = Math.ceil(length / lanes);
  const runs = down * across;
  return {
    chunks: Int32Array.from({ length: runs * each }, (_, i) => {
      const run = Math.floor(i / each);
      return Math.floor(run / across) * row + (run % across) * column + (i % each) * lanes * element;
    }),
    rows: Int32Array.from({ length: runs * length }, (_, k) => {
      return (Math.floor(k / length) * each * lanes + (k % length)) * PIXELS * element;
    }),
  };
}
type Grid = readonly [TableAxes[0], TableAxes[0]];

/** Chunks of 8 channels of a stored image. */
export function int8Rows(variant: Variant, image: StoredImage, window: Window): Rows {
  const { runs, length } = runsOf(window, image.channels);
  const [[kh, row], [kw, column]] = depthwiseTapAxes(image, window) as unknown as Grid;
  const grid: Grid = [
    [kh, row],
    [runs > kh ? kw : 1, column],
  ];
  return rowsOf(grid, length, 8, storedBytes(variant));
}

/**
 * Chunks of 4 channels of an image whose rows are `pitch` bytes apart. A row of taps lies side by side, unless it is
 * dilated.
 */
export function floatRows({ kh, kw, cin, dilation_h, dilation_w }: Taps, pitch: number): Rows {
  const parts = dilation_w === 1 ? 1 : kw;
  const grid: Grid = [
    [kh, dilation_h * pitch],
    [parts, dilation_w * 4 * cin],
  ];
  return rowsOf(grid, (kw / parts) * cin, 4, 4);
}
export type Taps = Pick<Conv2dGeometry, "kh" | "kw" | "cin" | "dilation_h" | "dilation_w">;

/** Bytes of the scratch of a tile: tables of its pixels, vectors, and what is transposed. */
export const tileBytes = ({ chunks }: Rows, lanes: 4 | 8, element: number): number =>
  256 + chunks.length * lanes * PIXELS * element;

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
  const [mask, size] = inputs === 2 ? [0xffff, 16] : [0xff, 8];
  const weight = (o: number, k: number) => (o < cout && k < length ? (data[o * length + k] ?? 0) : 0);
  const word = (o: number, ks: readonly number[]) =>
    int8 ? ks.reduce((all, k, i) => all | ((weight(o, k) & mask) << (size * i)), 0) : bitsOf(weight(o, ks[0]!));
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
