// f32 layers with constant weights that are mostly zeros. kernels/sparse.ts packs what is not zero, with its places.
//
// f32_sparse_conv2d: lanes are pixels (or images, of a dense layer), 8 of them in a tile. Their inputs are transposed once, into a row of 8 for
// each k; an entry names a row and has the weights that meet it.
// f32_sparse_dense: lanes are outputs, 16 of them. An entry names an input and has its weights.
//
// A sum starts from 0 and runs over k upwards, without the zeros; the bias comes last. The dense kernels add in the same order, so that finite
// numbers give the same bytes in both, whatever the tile.
import { placeImage } from "./f32-conv2d";
import { finish } from "./f32-gemm";
import { storeLanes } from "./row";
import { madd } from "./simd";
import { eight, TABLES } from "./sparse-tile";

/** Transposes four channels of four pixels; rows of t are 32 bytes apart. */
@inline function transpose(t: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(t, v128.shuffle<f64>(ab0, cd0, 0, 2));
  v128.store(t, v128.shuffle<f64>(ab0, cd0, 1, 3), 32);
  v128.store(t, v128.shuffle<f64>(ab1, cd1, 0, 2), 64);
  v128.store(t, v128.shuffle<f64>(ab1, cd1, 1, 3), 96);
}

/** Transposes `chunks` pieces of 4 channels of the four pixels of a table. */
function transposePixels(x: usize, pixels: usize, chunks: i32, places: usize, t: usize): void {
  const a0 = x + load<usize>(pixels), a1 = x + load<usize>(pixels, 4), a2 = x + load<usize>(pixels, 8), a3 = x + load<usize>(pixels, 12);
  for (; chunks > 0; chunks--) {
    const c = load<usize>(places);
    transpose(t, v128.load(a0 + c), v128.load(a1 + c), v128.load(a2 + c), v128.load(a3 + c));
    places += 4;
    t += 128;
  }
}

/** Stores four outputs, or the first `rest`, of the four pixels of a table; `sums` has them output by output. */
function storePixels(y: usize, results: usize, sums: usize, rest: i32): void {
  const a = v128.load(sums), b = v128.load(sums, 32), c = v128.load(sums, 64), d = v128.load(sums, 96);
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const p0 = v128.shuffle<f64>(ab0, cd0, 0, 2), p1 = v128.shuffle<f64>(ab0, cd0, 1, 3), p2 = v128.shuffle<f64>(ab1, cd1, 0, 2), p3 = v128.shuffle<f64>(ab1, cd1, 1, 3);
  const y0 = y + load<usize>(results), y1 = y + load<usize>(results, 4), y2 = y + load<usize>(results, 8), y3 = y + load<usize>(results, 12);
  if (rest >= 4) {
    v128.store(y0, p0);
    v128.store(y1, p1);
    v128.store(y2, p2);
    v128.store(y3, p3);
  } else {
    storeLanes(y0, p0, rest);
    storeLanes(y1, p1, rest);
    storeLanes(y2, p2, rest);
    storeLanes(y3, p3, rest);
  }
}

/** Each output: how many entries | entries, the place of a row and the weight that meets it. Places are bytes from the first row. */
export function f32_sparse_conv2d(
  n: i32, x: usize, xs: i32, w: usize, chunks: i32, places: usize, count: i32, pixels: usize, results: usize, y: usize, ys: i32, outs: i32,
  mode: i32, aux: usize, h: i32, width: i32, pixel: i32, pad_t: i32, pad_l: i32, rows: i32, columns: i32, scratch: usize,
): void {
  const last = count - 1, sums = scratch + TABLES, t = scratch + 256, padded = t + <usize>chunks * 128;
  if (rows) memory.fill(padded, 0, <usize>(rows * columns * pixel));
  for (; n > 0; n--) {
    let image = x;
    if (rows) {
      placeImage(padded, x, width * pixel, h, width, pixel, pad_t, pad_l, rows, columns);
      image = padded;
    }
    for (let p = 0; p < count; p += 8) {
      const from = eight(pixels, p, last, scratch), to = eight(results, p, last, scratch + 32);
      transposePixels(image, from, chunks, places, t);
      transposePixels(image, from + 16, chunks, places, t + 16);
      let b = w, bias = aux, o = y;
      for (let rest = outs; rest > 0; rest -= 4) {
        for (let sum = sums; sum < sums + 128; sum += 32) {
          let c0 = f32x4.splat(0), c1 = c0, left = load<i32>(b);
          b += 4;
          if (left > 0) do {
            const row = t + load<usize>(b), v = v128.load32_splat(b, 4);
            c0 = madd(v, v128.load(row), c0);
            c1 = madd(v, v128.load(row, 16), c1);
            b += 8;
          } while (--left > 0);
          if (mode) {
            const v = v128.load32_splat(bias);
            c0 = finish(c0, mode, v);
            c1 = finish(c1, mode, v);
            bias += 4;
          }
          v128.store(sum, c0);
          v128.store(sum, c1, 16);
        }
        storePixels(o, to, sums, rest);
        storePixels(o, to + 16, sums + 16, rest);
        o += 16;
      }
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

/** Sixteen outputs: how many entries | entries: the place of an input in x, and its weight for each output. */
export function f32_sparse_dense(n: i32, x: usize, xs: i32, w: usize, y: usize, ys: i32, outs: i32, mode: i32, aux: usize): void {
  for (; n > 0; n--) {
    let b = w, bias = aux, o = y;
    for (let rest = outs; rest > 0; rest -= 16) {
      let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
      let entries = load<i32>(b);
      b += 4;
      if (entries > 0) do {
        const a = v128.load32_splat(x + load<usize>(b));
        c0 = madd(a, v128.load(b, 4), c0);
        c1 = madd(a, v128.load(b, 20), c1);
        c2 = madd(a, v128.load(b, 36), c2);
        c3 = madd(a, v128.load(b, 52), c3);
        b += 68;
      } while (--entries > 0);
      if (mode) {
        c0 = finish(c0, mode, v128.load(bias));
        c1 = finish(c1, mode, v128.load(bias, 16));
        c2 = finish(c2, mode, v128.load(bias, 32));
        c3 = finish(c3, mode, v128.load(bias, 48));
        bias += 64;
      }
      storeLanes(o, c0, rest);
      if (rest > 4) storeLanes(o + 16, c1, rest - 4);
      if (rest > 8) storeLanes(o + 32, c2, rest - 8);
      if (rest > 12) storeLanes(o + 48, c3, rest - 12);
      o += 64;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
