// Backward through conv2d (valid, stride 1) + bias + ReLU + maxPool2d 2x2, sparse: of the four pixels of a window only
// the winner has a gradient, and none where ReLU let nothing through, so that about one convolution output in six takes
// part. The gradients equal those of the dense algorithm. argmax is the byte offset of each winner, negative where
// there is none. It is NHWC or planar; `window_stride` and `channel_stride` are its bytes from window to window and
// from channel to channel. A list has entries of 8 bytes: (gradient, address).
import { firstLanes, madd } from "./simd";

// ---------------------------------------------------------------- the sums of both kernels

/**
 * Vector i of a row; i is a literal. Offsets must be literals in the source: as a sum they would stay additions in the
 * loop.
 */
@inline function vectorOf(x: usize, i: i32): v128 {
  if (i == 0) return v128.load(x);
  if (i == 1) return v128.load(x, 16);
  if (i == 2) return v128.load(x, 32);
  if (i == 3) return v128.load(x, 48);
  if (i == 4) return v128.load(x, 64);
  if (i == 5) return v128.load(x, 80);
  if (i == 6) return v128.load(x, 96);
  if (i == 7) return v128.load(x, 112);
  if (i == 8) return v128.load(x, 128);
  return v128.load(x, 144);
}

/** Vector `slot` of a patch of rows of `vectors` vectors; its rows begin at x, x + row1, ... */
@inline function slotOf(x: usize, slot: i32, vectors: i32, row1: usize, row2: usize, row3: usize, row4: usize): v128 {
  if (slot / vectors == 0) return vectorOf(x, slot % vectors);
  if (slot / vectors == 1) return vectorOf(x + row1, slot % vectors);
  if (slot / vectors == 2) return vectorOf(x + row2, slot % vectors);
  if (slot / vectors == 3) return vectorOf(x + row3, slot % vectors);
  return vectorOf(x + row4, slot % vectors);
}

/**
 * y[0 .. rows * vectors] += sum over the list of gradient * patch, in registers: at most 10 accumulators. `rows`,
 * `vectors` and `fence` are literals, so that each call has no branches. In the last vector of each row `kept` floats
 * count; the rest (padding) stays zero. Returns `sum` + the gradients where rows > 1 (these additions take no extra
 * time), else `sum`.
 *
 * The accumulators are stored in order and without masks: the optimizing compiler schedules the loop by the order of
 * uses after it. With a mask on some of these stores it moved all loads above all sums and spilled (measured on V8 11:
 * 1.5 times slower).
 */
@inline function accumulate(
  rows: i32, vectors: i32, fence: bool, y: usize, from: usize, to: usize, shift: usize, row: usize, kept: i32, sum: f32,
): f32 {
  const slots = rows * vectors;
  const row2 = row + row, row3 = row2 + row, row4 = row2 + row2;
  const none = f32x4.splat(0);
  let c0 = v128.load(y);
  let c1 = slots > 1 ? v128.load(y, 16) : none;
  let c2 = slots > 2 ? v128.load(y, 32) : none;
  let c3 = slots > 3 ? v128.load(y, 48) : none;
  let c4 = slots > 4 ? v128.load(y, 64) : none;
  let c5 = slots > 5 ? v128.load(y, 80) : none;
  let c6 = slots > 6 ? v128.load(y, 96) : none;
  let c7 = slots > 7 ? v128.load(y, 112) : none;
  let c8 = slots > 8 ? v128.load(y, 128) : none;
  let c9 = slots > 9 ? v128.load(y, 144) : none;
  let p = from;
  if (p < to) do {
    const g = v128.load32_splat(p);
    const x = <usize>load<u32>(p, 4) + shift;
    if (rows > 1) sum += load<f32>(p);
    c0 = madd(g, slotOf(x, 0, vectors, row, row2, row3, row4), c0);
    if (slots > 1) c1 = madd(g, slotOf(x, 1, vectors, row, row2, row3, row4), c1);
    if (slots > 2) c2 = madd(g, slotOf(x, 2, vectors, row, row2, row3, row4), c2);
    if (slots > 3) c3 = madd(g, slotOf(x, 3, vectors, row, row2, row3, row4), c3);
    if (slots > 4) c4 = madd(g, slotOf(x, 4, vectors, row, row2, row3, row4), c4);
    // Never taken: keeps the optimizing compiler from moving all loads above all sums, which then spill (measured: 1.3
    // times)
    if (fence && slots > 7 && !x) break;
    if (slots > 5) c5 = madd(g, slotOf(x, 5, vectors, row, row2, row3, row4), c5);
    if (slots > 6) c6 = madd(g, slotOf(x, 6, vectors, row, row2, row3, row4), c6);
    if (slots > 7) c7 = madd(g, slotOf(x, 7, vectors, row, row2, row3, row4), c7);
    if (slots > 8) c8 = madd(g, slotOf(x, 8, vectors, row, row2, row3, row4), c8);
    if (slots > 9) c9 = madd(g, slotOf(x, 9, vectors, row, row2, row3, row4), c9);
  } while ((p += 8) < to);
  v128.store(y, c0);
  if (slots > 1) v128.store(y, c1, 16);
  if (slots > 2) v128.store(y, c2, 32);
  if (slots > 3) v128.store(y, c3, 48);
  if (slots > 4) v128.store(y, c4, 64);
  if (slots > 5) v128.store(y, c5, 80);
  if (slots > 6) v128.store(y, c6, 96);
  if (slots > 7) v128.store(y, c7, 112);
  if (slots > 8) v128.store(y, c8, 128);
  if (slots > 9) v128.store(y, c9, 144);
  if (kept < 4) {
    const mask = firstLanes(kept);
    for (let r = 0; r < rows; r++) {
      y += <usize>(16 * vectors);
      v128.store(y - 16, v128.and(v128.load(y - 16), mask));
    }
  }
  return sum;
}

/** Vectors of a long row per pass: all that are left if at most 10, else 8. */
@inline function portion(left: i32): i32 {
  return left > 10 ? 8 : left;
}

// ---------------------------------------------------------------- weights and bias

/** Rows of a kernel per pass: enough to use 10 accumulators, since each pass reads the list again. */
@inline function rowsAtOnce(vectors: i32, left: i32): i32 {
  if (vectors <= 2 && left >= 5) return 5;
  if (vectors <= 3 && left >= 3) return 3;
  if (vectors <= 5 && left >= 2) return 2;
  return 1;
}

/** Accumulates `count` rows of the kernel of one output channel. */
function accumulateRows(
  count: i32, vectors: i32, dw: usize, from: usize, to: usize, shift: usize, row: usize, kept: i32, sum: f32,
): f32 {
  if (count == 5) {
    if (vectors == 1) return accumulate(5, 1, false, dw, from, to, shift, row, kept, sum);
    return accumulate(5, 2, false, dw, from, to, shift, row, kept, sum);
  }
  if (count == 3) {
    if (vectors == 1) return accumulate(3, 1, false, dw, from, to, shift, row, kept, sum);
    if (vectors == 2) return accumulate(3, 2, false, dw, from, to, shift, row, kept, sum);
    return accumulate(3, 3, false, dw, from, to, shift, row, kept, sum);
  }
  switch (vectors) {
    case 1: return accumulate(2, 1, false, dw, from, to, shift, row, kept, sum);
    case 2: return accumulate(2, 2, false, dw, from, to, shift, row, kept, sum);
    case 3: return accumulate(2, 3, false, dw, from, to, shift, row, kept, sum);
    case 4: return accumulate(2, 4, false, dw, from, to, shift, row, kept, sum);
    default: return accumulate(2, 5, false, dw, from, to, shift, row, kept, sum);
  }
}

/**
 * Accumulates one portion of one row. The input gradient does not use it: inside its loop over rows the sums spill
 * (measured on V8 11: 9 to 20 % slower).
 */
function accumulateRow(vectors: i32, dw: usize, from: usize, to: usize, shift: usize, kept: i32): void {
  switch (vectors) {
    case 1: accumulate(1, 1, false, dw, from, to, shift, 0, kept, 0); break;
    case 2: accumulate(1, 2, false, dw, from, to, shift, 0, kept, 0); break;
    case 3: accumulate(1, 3, false, dw, from, to, shift, 0, kept, 0); break;
    case 4: accumulate(1, 4, false, dw, from, to, shift, 0, kept, 0); break;
    case 5: accumulate(1, 5, false, dw, from, to, shift, 0, kept, 0); break;
    case 6: accumulate(1, 6, false, dw, from, to, shift, 0, kept, 0); break;
    case 7: accumulate(1, 7, false, dw, from, to, shift, 0, kept, 0); break;
    case 8: accumulate(1, 8, false, dw, from, to, shift, 0, kept, 0); break;
    case 9: accumulate(1, 9, false, dw, from, to, shift, 0, kept, 0); break;
    default: accumulate(1, 10, false, dw, from, to, shift, 0, kept, 0);
  }
}

/**
 * dw += sum over images and windows of gradient * winning patch, db += sum of gradients. dw: [cout][kh][run padded to
 * whole vectors], its padding is kept zero. x is read in whole vectors. list: 8 bytes for each window of all n images.
 */
export function f32_conv2d_relu_max_pool2d_weight_gradient(
  n: i32, x: usize, xs: i32, dy: usize, dys: i32, argmax: usize, window_stride: i32, channel_stride: i32,
  windows: i32, cout: i32, kh: i32, run: i32, x_row_stride: i32, list: usize, dw: usize, db: usize,
): void {
  const vectors = (run + 3) >> 2;
  const tail = run - 4 * (vectors - 1);
  for (let channel = 0; channel < cout; channel++) {
    const end = listChannel(
      n, x, xs, dy + (<usize>channel << 2), <usize>cout << 2, dys, argmax + <usize>(channel * channel_stride),
      window_stride, windows, list,
    );
    let sum = load<f32>(db);
    if (rowsAtOnce(vectors, kh) == 1) for (let p = list; p < end; p += 8) sum += load<f32>(p);
    let shift: usize = 0;
    let count = 0;
    for (let ky = 0; ky < kh; ky += count) {
      count = rowsAtOnce(vectors, kh - ky);
      if (count > 1) {
        const summed = accumulateRows(count, vectors, dw, list, end, shift, x_row_stride, tail, sum);
        if (ky == 0) sum = summed;
        dw += <usize>(count * vectors) << 4;
      } else {
        let at = shift, part = 0;
        for (let left = vectors; left > 0; left -= part) {
          part = portion(left);
          accumulateRow(part, dw, list, end, at, part == left ? tail : 4);
          at += <usize>part << 4;
          dw += <usize>part << 4;
        }
      }
      shift += <usize>(count * x_row_stride);
    }
    store<f32>(db, sum);
    db += 4;
  }
}

/**
 * Writes the list of one channel over all images; returns its end. Every window is written; the next entry overwrites
 * one without a gradient.
 */
@inline function listChannel(
  n: i32, x: usize, xs: i32, dy: usize, dyStep: usize, dys: i32, argmax: usize, window_stride: i32, windows: i32,
  list: usize,
): usize {
  let p = list;
  for (let image = n; image > 0; image--) {
    let d = dy, a = argmax;
    for (let left = windows; left > 0; left--) {
      const offset = load<u32>(a);
      store<f32>(p, load<f32>(d));
      store<u32>(p, <u32>x + offset, 4);
      p += <usize>(~offset >> 31) << 3;
      d += dyStep;
      a += <usize>window_stride;
    }
    x += <usize>xs;
    dy += <usize>dys;
    argmax += <usize>dys;
  }
  return p;
}

// ---------------------------------------------------------------- input

/**
 * Converts panels [cout/8][kh][kw * cin][8] to rows that begin at the left pixel of the window or at its right one:
 *
 *   moved 0: w w w w w 0 | pad      [2][cout][kh][(kw + 1) * cin padded to whole vectors], padding zero
 *   moved 1: 0 w w w w w | pad
 */
export function f32_panels_to_moved(cout: i32, kh: i32, run: i32, cin: i32, x: usize, y: usize): void {
  const row_stride = <usize>((run + cin + 3) >> 2) << 4;
  const second = <usize>(cout * kh) * row_stride;
  memory.fill(y, 0, 2 * second);
  const panel = <usize>(kh * run) << 5;
  for (let channel = 0; channel < cout; channel++) {
    let from = x + <usize>(channel >> 3) * panel + (<usize>(channel & 7) << 2);
    for (let ky = kh; ky > 0; ky--) {
      let left = y, right = y + second + (<usize>cin << 2);
      for (let k = run; k > 0; k--) {
        const value = load<f32>(from);
        store<f32>(left, value);
        store<f32>(right, value);
        from += 32;
        left += 4;
        right += 4;
      }
      y += row_stride;
    }
  }
}

/**
 * Adds the gradients of one window to `vectors` (a literal) vectors of each of the kh + 1 rows of dx that it touches.
 * Entries from..middle won in its upper row; entries middle..to in its lower one, with addresses one kernel row lower.
 * One loop over the rows, so that there is one body to compile.
 */
@inline function spread(
  vectors: i32, dx: usize, row: usize, from: usize, middle: usize, to: usize, kh: i32, row_stride: usize, shift: usize,
): void {
  for (let r = 0; r <= kh; r++) {
    const first = r == kh ? middle : from, end = r == 0 ? middle : to;
    if (first < end) accumulate(1, vectors, true, dx, first, end, shift, 0, 4, 0);
    dx += row;
    shift += row_stride;
  }
}

function spreadWindow(
  vectors: i32, dx: usize, row: usize, from: usize, middle: usize, to: usize, kh: i32, row_stride: usize, shift: usize,
): void {
  switch (vectors) {
    case 1: spread(1, dx, row, from, middle, to, kh, row_stride, shift); break;
    case 2: spread(2, dx, row, from, middle, to, kh, row_stride, shift); break;
    case 3: spread(3, dx, row, from, middle, to, kh, row_stride, shift); break;
    case 4: spread(4, dx, row, from, middle, to, kh, row_stride, shift); break;
    case 5: spread(5, dx, row, from, middle, to, kh, row_stride, shift); break;
    case 6: spread(6, dx, row, from, middle, to, kh, row_stride, shift); break;
    case 7: spread(7, dx, row, from, middle, to, kh, row_stride, shift); break;
    case 8: spread(8, dx, row, from, middle, to, kh, row_stride, shift); break;
    case 9: spread(9, dx, row, from, middle, to, kh, row_stride, shift); break;
    default: spread(10, dx, row, from, middle, to, kh, row_stride, shift);
  }
}

/**
 * dx = for each window, the sum over channels of gradient * kernel at the place of the winning patch. Writes dxs bytes
 * an image, padding zero. weight: `f32_panels_to_moved`. list: 16 bytes an output channel. dx is written in whole
 * vectors: bytes past its end are read and written back.
 */
export function f32_conv2d_relu_max_pool2d_input_gradient(
  n: i32, dy: usize, dys: i32, argmax: usize, window_stride: i32, channel_stride: i32, weight: usize, dx: usize,
  dxs: i32,
  oh: i32, ow: i32, cout: i32, kh: i32, run: i32, dx_row_stride: i32, dx_pixel_stride: i32, list: usize,
): void {
  const vectors = (run + (dx_pixel_stride >> 2) + 3) >> 2;
  const row_stride = <usize>vectors << 4;
  const kernel = <usize>kh * row_stride, second = <usize>cout * kernel;
  const middle = list + (<usize>cout << 3);
  for (; n > 0; n--) {
    memory.fill(dx, 0, dxs);
    let window = argmax, d = dy;
    for (let py = 0; py < oh; py++) {
      for (let px = 0; px < ow; px++) {
        const origin = <usize>(2 * (py * dx_row_stride + px * dx_pixel_stride));
        // one list with two ends: winners of the upper row before `middle`, of the lower row after it
        let from = middle, to = middle;
        let k = weight, a = window;
        for (let channel = cout; channel > 0; channel--) {
          const place = load<u32>(a);
          const offset = <usize>place - origin;
          const kept = <usize>(~place >> 31) << 3;
          const below = offset >= <usize>dx_row_stride;
          const moved = below ? offset != <usize>dx_row_stride : offset != 0;
          const p = below ? to : from - 8;
          store<f32>(p, load<f32>(d));
          store<u32>(p, <u32>(k + (moved ? second : 0) - (below ? row_stride : 0)), 4);
          to += below ? kept : 0;
          from -= below ? 0 : kept;
          k += kernel;
          a += <usize>channel_stride;
          d += 4;
        }
        window += <usize>window_stride;
        if (from == to) continue;
        let part = 0, shift: usize = 0;
        for (let left = vectors; left > 0; left -= part) {
          part = portion(left);
          spreadWindow(part, dx + origin + shift, dx_row_stride, from, middle, to, kh, row_stride, shift);
          shift += <usize>part << 4;
        }
      }
    }
    dy += <usize>dys;
    argmax += <usize>dys;
    dx += <usize>dxs;
  }
}
