// f32 layers with constant weights that are mostly zeros. kernels/sparse.ts packs the weights that are not zero, with
// the places of their inputs.
//
// f32_sparse_conv2d: lanes are pixels (or images, of a dense layer), 8 in a tile. Their inputs are transposed once,
// into a row of 8 for each k. An entry names a row and has the weight that meets it.
// f32_sparse_dense: lanes are outputs, 16 of them. An entry names an input and has its weights.
//
// A sum starts from 0 and runs over k upwards, without the zeros; the bias comes last. The dense kernels add in the
// same order, so that finite numbers give the same bytes in both, whatever the tile.
import { placeImage } from "./f32-conv2d";
import { finish } from "./f32-gemm";
import { madd, storeLanes, storeTransposed } from "./simd";
import { eight, ROWS, SUMS } from "./sparse-tile";

/** Transposes `chunks` pieces of 4 channels of the four pixels of a table. */
function transposePixels(x: usize, pixels: usize, chunks: i32, places: usize, t: usize): void {
  const a0 = x + load<usize>(pixels), a1 = x + load<usize>(pixels, 4);
  const a2 = x + load<usize>(pixels, 8), a3 = x + load<usize>(pixels, 12);
  for (; chunks > 0; chunks--) {
    const c = load<usize>(places);
    storeTransposed(
      t, t + 32, t + 64, t + 96,
      v128.load(a0 + c), v128.load(a1 + c), v128.load(a2 + c), v128.load(a3 + c),
    );
    places += 4;
    t += 128;
  }
}

/** Stores four outputs, or the first `rest`, of the four pixels of a table. `sums` has them output by output. */
function storePixels(y: usize, results: usize, sums: usize, rest: i32): void {
  const y0 = y + load<usize>(results), y1 = y + load<usize>(results, 4);
  const y2 = y + load<usize>(results, 8), y3 = y + load<usize>(results, 12);
  const a = v128.load(sums), b = v128.load(sums, 32), c = v128.load(sums, 64), d = v128.load(sums, 96);
  if (rest >= 4) storeTransposed(y0, y1, y2, y3, a, b, c, d);
  else {
    // in place: these sums are not needed any more
    storeTransposed(sums, sums + 32, sums + 64, sums + 96, a, b, c, d);
    storeLanes(y0, v128.load(sums), rest);
    storeLanes(y1, v128.load(sums, 32), rest);
    storeLanes(y2, v128.load(sums, 64), rest);
    storeLanes(y3, v128.load(sums, 96), rest);
  }
}

/** For each output: how many entries | entries, each the place of a row and the weight that meets it. */
export function f32_sparse_conv2d(
  n: i32, x: usize, xs: i32, weight: usize, chunks: i32, places: usize, count: i32, pixels: usize, results: usize,
  y: usize, ys: i32, cout: i32, mode: i32, aux: usize, h: i32, w: i32, pixel: i32, pad_t: i32, pad_l: i32,
  rows: i32, columns: i32, scratch: usize,
): void {
  const last = count - 1, sums = scratch + SUMS, t = scratch + ROWS, padded = t + <usize>chunks * 128;
  if (rows) memory.fill(padded, 0, <usize>(rows * columns * pixel));
  for (; n > 0; n--) {
    let image = x;
    if (rows) {
      placeImage(padded, x, w * pixel, h, w, pixel, pad_t, pad_l, rows, columns);
      image = padded;
    }
    for (let p = 0; p < count; p += 8) {
      const from = eight(pixels, p, last, scratch), to = eight(results, p, last, scratch + 32);
      transposePixels(image, from, chunks, places, t);
      transposePixels(image, from + 16, chunks, places, t + 16);
      let b = weight, bias = aux, o = y;
      for (let rest = cout; rest > 0; rest -= 4) {
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

/** For sixteen outputs: how many entries | entries, each the place of an input in x and its weight for each output. */
export function f32_sparse_dense(
  n: i32, x: usize, xs: i32, weight: usize, y: usize, ys: i32, cout: i32, mode: i32, aux: usize,
): void {
  for (; n > 0; n--) {
    let b = weight, bias = aux, o = y;
    for (let rest = cout; rest > 0; rest -= 16) {
      let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, left = load<i32>(b);
      b += 4;
      if (left > 0) do {
        const a = v128.load32_splat(x + load<usize>(b));
        c0 = madd(a, v128.load(b, 4), c0);
        c1 = madd(a, v128.load(b, 20), c1);
        c2 = madd(a, v128.load(b, 36), c2);
        c3 = madd(a, v128.load(b, 52), c3);
        b += 68;
      } while (--left > 0);
      if (mode) {
        c0 = finish(c0, mode, v128.load(bias));
        c1 = finish(c1, mode, v128.load(bias, 16));
        c2 = finish(c2, mode, v128.load(bias, 32));
        c3 = finish(c3, mode, v128.load(bias, 48));
        bias += 64;
      }
      storeLanes(o, c0, rest);
      storeLanes(o + 16, c1, rest - 4);
      storeLanes(o + 32, c2, rest - 8);
      storeLanes(o + 48, c3, rest - 12);
      o += 64;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
