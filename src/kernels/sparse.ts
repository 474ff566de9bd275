/**
 * Constant weights that are mostly zeros, packed for the sparse kernels (assembly/i8-sparse.ts, assembly/f32-sparse.ts), and how much work
 * they are. Places in what is packed are counted here, from sizes: no number of a tensor is one.
 */
import type { Work } from "./cost/cheapest.ts";
import { runsOf, type TableAxes, tapAxes, type Window } from "./i8/offsets.ts";
import { type StoredImage, storedBytes } from "./i8/stored.ts";
import type { Variant } from "./load.ts";
import type { Conv2dGeometry } from "./table/f32-conv2d.ts";

/** Weights [outs][length]. */
export interface Matrix {
  readonly data: ArrayLike<number>;
  readonly outs: number;
  readonly length: number;
}

/** Outputs that a kernel of tiles, and one of single rows, takes together. */
export const FOUR = 4;
export const SIXTEEN = 16;

/** Pixels of a tile. */
const PIXELS = 8;

/** Inputs in one entry: a k-group. */
export const inputsOf = (variant: Variant): 2 | 4 => (variant === "relaxed" ? 4 : 2);

/** Samples that `mayPay` looks at. */
const SAMPLES = 256;

/** Is it worth a closer look? A quarter of some weights are zeros; nothing sparse pays where it is less. */
export function mayPay({ data }: Matrix): boolean {
  const step = Math.max(1, data.length / SAMPLES);
  let zeros = 0;
  for (let i = 0; i < data.length; i += step) if (!data[Math.floor(i)]) zeros++;
  return zeros * 4 * step >= data.length;
}

/** The inputs that have a weight in any of the outputs first .. first + count - 1. */
function used({ data, outs, length }: Matrix, first: number, count: number): number[] {
  const found: number[] = [];
  const end = Math.min(first + count, outs) * length;
  for (let k = 0; k < length; k++)
    for (let i = first * length + k; i < end; i += length)
      if (data[i]) {
        found.push(k);
        break;
      }
  return found;
}

/** `list` in pieces of `group`. */
const pieces = (list: readonly number[], group: number): number[][] =>
  Array.from({ length: Math.ceil(list.length / group) }, (_, i) => list.slice(i * group, (i + 1) * group));

/** The lists of entries of four outputs, each entry the inputs of a k-group: one list that they share (`blocks`), or one for each. */
const listsOf = (matrix: Matrix, first: number, group: number, blocks: boolean): number[][][] =>
  (blocks ? [used(matrix, first, FOUR)] : [0, 1, 2, 3].map(i => used(matrix, first + i, 1))).map(list =>
    pieces(list, group),
  );

/** The k-groups of neighbours that have a weight in any of 16 outputs. */
const neighboursOf = (matrix: Matrix, first: number, group: number): number[][] =>
  [...new Set(used(matrix, first, SIXTEEN).map(k => Math.floor(k / group)))].map(g =>
    Array.from({ length: group }, (_, i) => g * group + i),
  );

const longest = (lists: readonly { length: number }[]): number => Math.max(...lists.map(({ length }) => length));

function count({ outs }: Matrix, step: number, entries: (first: number) => number): number {
  let sum = 0;
  for (let first = 0; first < outs; first += step) sum += entries(first);
  return sum;
}

/** Entries of all tiles of 8 pixels and 4 outputs; chunks of all tiles of pixels; tiles. */
export function tileWork(matrix: Matrix, group: number, blocks: boolean, pixels: number, chunks: number): Work {
  const tiles = Math.ceil(pixels / PIXELS);
  const entries = count(matrix, FOUR, first => longest(listsOf(matrix, first, group, blocks)));
  return [tiles * entries, tiles * chunks, tiles * Math.ceil(matrix.outs / FOUR)];
}

/** Entries of one row. */
export const rowEntries = (matrix: Matrix, group: number): number =>
  count(matrix, SIXTEEN, first => neighboursOf(matrix, first, group).length);

/** What the inputs of a tile are gathered by: where chunks of `lanes` elements begin, and the row of each input, in bytes. */
export interface Rows {
  readonly chunks: Int32Array;
  readonly rows: Int32Array;
}

/** Runs of `length` elements of so many bytes begin at `starts`. */
function rowsOf(starts: readonly number[], length: number, lanes: number, element: number): Rows {
  const each = Math.ceil(length / lanes);
  return {
    chunks: Int32Array.from({ length: starts.length * each }, (_, i) => {
      return starts[Math.floor(i / each)]! + (i % each) * lanes * element;
    }),
    rows: Int32Array.from({ length: starts.length * length }, (_, k) => {
      return (Math.floor(k / length) * each * lanes + (k % length)) * PIXELS * element;
    }),
  };
}

/** Pieces of 8 channels of a stored image. */
export function int8Rows(variant: Variant, image: StoredImage, window: Window): Rows {
  const { length } = runsOf(window, image.channels);
  const [[down, row], [across, column]] = tapAxes(variant, image, window) as [TableAxes[0], TableAxes[0]];
  return rowsOf(gridOf(down, across, row, column), length, 8, storedBytes(variant));
}

/** Pieces of 4 channels of an image whose rows are `pitch` bytes apart. A row of taps lies side by side, but where it is dilated. */
export function floatRows(g: Conv2dGeometry, pitch: number): Rows {
  const pixel = 4 * g.cin;
  const parts = g.dilation_w === 1 ? 1 : g.kw;
  const starts = gridOf(g.kh, parts, g.dilation_h * pitch, g.dilation_w * pixel);
  return rowsOf(starts, (g.kw / parts) * g.cin, 4, 4);
}

/** Pieces of 4 of a row of floats. */
export const vectorRows = (length: number): Rows => rowsOf([0], length, 4, 4);

/** Places in a grid, row by row. */
export const gridOf = (down: number, across: number, row: number, column: number): number[] =>
  Array.from({ length: down * across }, (_, i) => Math.floor(i / across) * row + (i % across) * column);

/** Bytes of the scratch of a tile: two tables of its pixels, and what is transposed. */
export const tileBytes = ({ chunks }: Rows, lanes: number, element: number): number =>
  64 + chunks.length * lanes * PIXELS * element;

/** How the weights of one output that an entry has are one word. */
type Word = (o: number, ks: readonly number[]) => number;

/** For tiles: of every four outputs their head, how many entries, the entries. */
export function packTiles(
  matrix: Matrix,
  group: number,
  blocks: boolean,
  rows: Int32Array,
  word: Word,
  head: (first: number) => number[] = () => [],
): Int32Array {
  const words: number[] = [];
  for (let first = 0; first < matrix.outs; first += FOUR) {
    const lists = listsOf(matrix, first, group, blocks);
    const entries = longest(lists);
    words.push(...head(first), entries);
    for (let e = 0; e < entries; e++)
      lists.forEach((list, i) => {
        const ks = list[e] ?? [];
        for (let j = 0; j < group; j++) words.push(rows[ks[j]!] ?? 0);
        if (blocks) for (let o = 0; o < FOUR; o++) words.push(word(first + o, ks));
        else words.push(word(first + i, ks));
      });
  }
  return Int32Array.from(words);
}

/** For single rows: of every 16 outputs their head, how many entries, the entries. A k-group has 4 bytes in x. */
export function packRows(
  matrix: Matrix,
  group: number,
  word: Word,
  head: (first: number) => number[] = () => [],
): Int32Array {
  const words: number[] = [];
  for (let first = 0; first < matrix.outs; first += SIXTEEN) {
    const list = neighboursOf(matrix, first, group);
    words.push(...head(first), list.length);
    for (const ks of list) {
      words.push((ks[0]! / group) * 4);
      for (let o = 0; o < SIXTEEN; o++) words.push(word(first + o, ks));
    }
  }
  return Int32Array.from(words);
}

/** The weight of input k for output o; 0 where there is none. */
const weight = ({ data, outs, length }: Matrix, o: number, k: number): number =>
  o < outs && k < length ? (data[o * length + k] ?? 0) : 0;

const float = /* @__PURE__ */ new Float32Array(1);
const bits = /* @__PURE__ */ new Int32Array(float.buffer);

/** The bits of an f32. */
export function bitsOf(x: number): number {
  float[0] = x;
  return bits[0]!;
}

/** One f32. */
export const floatWord =
  (matrix: Matrix): Word =>
  (o, [k]) =>
    k === undefined ? 0 : bitsOf(weight(matrix, o, k));

/** A k-group of int8. */
export const int8Word =
  (matrix: Matrix, group: 2 | 4): Word =>
  (o, ks) =>
    ks.reduce((word, k, i) => word | ((weight(matrix, o, k) & (group === 2 ? 0xffff : 0xff)) << ((32 / group) * i)), 0);

/** Biases and scales, one for each output. */
export interface Requantized {
  readonly bias: ArrayLike<number> | undefined;
  readonly scale: Float32Array;
  /** Zero point of x. */
  readonly zero: number;
}

/** Biases less what the zero point adds to each sum. */
function biases(matrix: Matrix, { bias, zero }: Requantized): Int32Array {
  const { data, outs, length } = matrix;
  return Int32Array.from({ length: outs }, (_, o) => {
    let sum = 0;
    for (let i = o * length; i < (o + 1) * length; i++) sum += data[i]!;
    return (bias?.[o] ?? 0) - (zero + 128) * sum;
  });
}

/** The head of `width` outputs: biases, then scales. */
export function int8Head(matrix: Matrix, width: number, given: Requantized): (first: number) => number[] {
  const shifted = biases(matrix, given);
  return first => [
    ...Array.from({ length: width }, (_, i) => shifted[first + i] ?? 0),
    ...Array.from({ length: width }, (_, i) => bitsOf(given.scale[first + i] ?? 0)),
  ];
}

/** Is every sum, in steps of the output, less than 2^21? `i8_sparse_conv2d` rounds without a clamp before. */
export function roundable({ data, outs, length }: Matrix, { bias, scale }: Requantized): boolean {
  for (let o = 0; o < outs; o++) {
    let reach = Math.abs(bias?.[o] ?? 0);
    for (let i = o * length; i < (o + 1) * length; i++) reach += 255 * Math.abs(data[i]!);
    if (!(reach * scale[o]! < 2 ** 21)) return false;
  }
  return true;
}
