// int8 convolution of stride 1 with ReLU and a 2x2 max pool by the fast FIR algorithm (Mou and Duhamel, 1991) in two
// dimensions: fewer products, still exact.
//
// Along one axis, with even taps H0 and odd taps H1, X0 = x[2n + 2j], X1 = x[2n + 1 + 2j], X2 = x[2n + 2 + 2j], the two
// outputs of a window are
//
//   y0 = H0 X0 + H1 X1 = S X1 + H0 (X0 - X1)
//   y1 = H0 X1 + H1 X2 = S X1 + H1 (X2 - X1)         S = H0 + H1
//
// three products of half the length instead of four. In two dimensions that is 9 instead of 16:
//
//   y[r][c] = SS + SH[c] + HS[r] + HH[r][c]
//
// 64 instead of 100 multiplications a window for a 5x5 kernel, 25 instead of 36 for 3x3. Sums of four weights and
// differences of four activations need 16 bits, so that only the plain variant has it.
import { HEAD } from "./i8-tile";
import { biasOf, dot, highest, lowest, narrowed, RELAXED, requantized, shiftOf, storeFirst } from "./stored";

// parts of an axis: S, H0, H1 of the kernel; x[2n+1], x[2n] - x[2n+1], x[2n+2] - x[2n+1] of the image
const PARTS: i32 = 3;
/** Bytes of the accumulators of a tile: 4 windows of 8 outputs. */
const SLOT: usize = 128;
/** Slots before the planes: zero, SS, SH[0], SH[1], HS[r], the maximum so far. */
const SLOTS: usize = 6 * SLOT;

/** The number of taps of a part: S and H0 have the larger half. */
@inline function taps(part: i32, kernel: i32): i32 {
  return part == 2 ? kernel >> 1 : (kernel + 1) >> 1;
}

/** The weight of one output at tap (j, i) of parts (r, c): a sum of one, two or four weights. */
function partialSum(weight: usize, kh: i32, kw: i32, cin: i32, r: i32, c: i32, j: i32, i: i32, channel: i32): i32 {
  let sum = 0;
  const y0 = 2 * j + (r == 2 ? 1 : 0), y1 = r == 0 ? y0 + 1 : y0;
  const x0 = 2 * i + (c == 2 ? 1 : 0), x1 = c == 0 ? x0 + 1 : x0;
  for (let y = y0; y <= y1 && y < kh; y++)
    for (let x = x0; x <= x1 && x < kw; x++) sum += <i32>load<i8>(weight + <usize>((y * kw + x) * cin + channel));
  return sum;
}

/** Bytes of one of the nine steps of a tile, and of all of them, padded to vectors. */
@inline const STEP: usize = 24;
@inline const STEPS: usize = 224;

/**
 * Writes the steps of a tile, one for each product: rows of taps, k-groups a row, two slots whose sum it starts from,
 * the slot of the result, and whether that slot keeps the maximum. Slots: 0 zero, 1 SS, 2 and 3 SH[c], 4 HS[r], 5 the
 * maximum over r and c of SH[c] + HS[r] + HH[r][c].
 *
 *     bytes of a step: 0 rows of taps | 4 k-groups a row | 8, 12 slots to start from | 16 result slot | 20 maximum?
 *
 *     parts (r, c)       product          starts from        result in slot              which then holds
 *     0 0                SS               0 + 0              1
 *     0 1                SH[0]            0 + 0              2
 *     0 2                SH[1]            0 + 0              3
 *     1 0                HS[0]            0 + 0              4
 *     1 1                HH[0][0]         2 + 4              5                           SH[0] + HS[0] + HH[0][0]
 *     1 2                HH[0][1]         3 + 4              5, maximum                  SH[1] + HS[0] + HH[0][1]
 *     2 0                HS[1]            0 + 0              4 (HS[0] is dead)
 *     2 1                HH[1][0]         2 + 4              5, maximum                  SH[0] + HS[1] + HH[1][0]
 *     2 2                HH[1][1]         3 + 4              5, maximum                  SH[1] + HS[1] + HH[1][1]
 *
 * The result of the window is slot 5 + slot 1 + bias.
 */
function packSteps(kh: i32, kw: i32, cin: i32, y: usize): void {
  for (let r = 0; r < PARTS; r++)
    for (let c = 0; c < PARTS; c++) {
      const inner = r > 0 && c > 0;
      store<i32>(y, taps(r, kh));
      store<i32>(y, (taps(c, kw) * cin + 1) >> 1, 4);
      store<i32>(y, inner ? (1 + c) * <i32>SLOT : 0, 8);
      store<i32>(y, inner ? 4 * <i32>SLOT : 0, 12);
      store<i32>(y, (inner ? 5 : r > 0 ? 4 : 1 + c) * <i32>SLOT, 16);
      store<i32>(y, inner && r + c > 2 ? 1 : 0, 20);
      y += STEP;
    }
}

/**
 * Writes the steps, then panels of 8 outputs: 8 biases, 8 scales, and for each pair of parts its rows of k-groups, 2
 * weights each.
 */
export function i8_conv2d_fir_pack(
  cout: i32, kh: i32, kw: i32, cin: i32, weight: usize, bias: usize, scale: usize, zero: i32, y: usize,
): void {
  if (RELAXED) unreachable();
  packSteps(kh, kw, cin, y);
  y += STEPS;
  const k = kh * kw * cin;
  for (let first = 0; first < cout; first += 8) {
    const here = min(8, cout - first);
    memory.fill(y, 0, HEAD);
    for (let o = 0; o < here; o++) {
      const from = weight + <usize>((first + o) * k), at = <usize>(first + o) << 2, head = y + (<usize>o << 2);
      let sum = 0;
      for (let i = 0; i < k; i++) sum += <i32>load<i8>(from + <usize>i);
      store<i32>(head, biasOf(bias, first + o) - (zero + 128) * sum);
      store<f32>(head, load<f32>(scale + at), 32);
    }
    y += HEAD;
    for (let r = 0; r < PARTS; r++)
      for (let c = 0; c < PARTS; c++) {
        const length = taps(c, kw) * cin, k_groups = (length + 1) >> 1;
        for (let j = 0; j < taps(r, kh); j++) {
          memory.fill(y, 0, k_groups * 32);
          for (let o = 0; o < here; o++)
            for (let e = 0; e < length; e++) {
              const v = partialSum(weight + <usize>((first + o) * k), kh, kw, cin, r, c, j, e / cin, e % cin);
              store<i16>(y + <usize>(e >> 1) * 32 + <usize>o * 4 + <usize>(e & 1) * 2, <i16>v);
            }
          y += <usize>k_groups * 32;
        }
      }
  }
}

/** Writes the nine planes [height][width][cin] of parts, `plane` bytes apart, for 8 channels at `x` and `to`. */
@inline function planes(
  x: usize, row_stride: usize, pixel_stride: usize, rows: i32, columns: i32, to: usize, plane: usize, height: i32,
  width: i32,
): void {
  const below: usize = 3 * plane;
  for (let n = 0; n < height; n++) {
    let a = x + <usize>(2 * n) * row_stride, s = to + <usize>n * <usize>width * pixel_stride;
    const d1 = row_stride;
    // the row and the column after the last belong to a part without a tap there
    const d2: usize = 2 * n + 2 < rows ? 2 * row_stride : row_stride;
    // column 2m: its odd row, and the differences of the rows before and after from it
    let e1 = v128.load(a + d1), e0 = i16x8.sub(v128.load(a), e1), e2 = i16x8.sub(v128.load(a + d2), e1);
    for (let m = 0; m < width; m++) {
      a += pixel_stride;
      const o1 = v128.load(a + d1), o0 = i16x8.sub(v128.load(a), o1), o2 = i16x8.sub(v128.load(a + d2), o1);
      if (2 * m + 2 < columns) a += pixel_stride;
      const f1 = v128.load(a + d1), f0 = i16x8.sub(v128.load(a), f1), f2 = i16x8.sub(v128.load(a + d2), f1);
      v128.store(s, o1);
      v128.store(s + plane, i16x8.sub(e1, o1));
      v128.store(s + 2 * plane, i16x8.sub(f1, o1));
      const t = s + below, u = t + below;
      v128.store(t, o0);
      v128.store(t + plane, i16x8.sub(e0, o0));
      v128.store(t + 2 * plane, i16x8.sub(f0, o0));
      v128.store(u, o2);
      v128.store(u + plane, i16x8.sub(e2, o2));
      v128.store(u + 2 * plane, i16x8.sub(f2, o2));
      s += pixel_stride;
      e1 = f1;
      e0 = f0;
      e2 = f2;
    }
  }
}

export function i8_conv2d_fir_max_pool2d(
  n: i32, x: usize, xs: i32, x_row_stride: i32, cin: i32, kh: i32, kw: i32, scratch: usize, weight: usize,
  y: usize, ys: i32, y_row_stride: i32, y_pixel_stride: i32, oh: i32, ow: i32, cout: i32, zero: i32, qmin: i32,
  qmax: i32,
): void {
  if (RELAXED) unreachable();
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  const pixel_stride = <usize>cin * 2, rows = 2 * oh + kh - 1, columns = 2 * ow + kw - 1;
  const planeHeight = oh + taps(0, kh) - 1, planeWidth = ow + taps(0, kw) - 1;
  const row = <usize>planeWidth * pixel_stride;
  // a pixel of fewer than 8 channels is written past its end
  const plane = (<usize>planeHeight * row + 47) & ~15;
  const first = scratch + SLOTS;
  let k_groups = 0;
  for (let p = 0; p < PARTS * PARTS; p++) k_groups += taps(p / PARTS, kh) * ((taps(p % PARTS, kw) * cin + 1) >> 1);
  const panel = HEAD + <usize>k_groups * 32;
  memory.fill(scratch, 0, SLOT);
  const steps = weight;
  weight += STEPS;
  for (; n > 0; n--) {
    for (let c = 0; c < cin; c += 8) {
      // the last 8 channels overlap those before
      if (c > 0 && c > cin - 8) c = cin - 8;
      const at = <usize>c * 2;
      planes(x + at, <usize>x_row_stride, pixel_stride, rows, columns, first + at, plane, planeHeight, planeWidth);
    }
    let base = first, line = y;
    for (let py = oh; py > 0; py--) {
      for (let px = 0; px < ow; px += 4) {
        if (px > ow - 4) px = ow - 4;
        let o = line + <usize>(px * y_pixel_stride), head = weight;
        for (let rest = cout; rest > 0; rest -= 8) {
          let b = head + HEAD, step = steps, from = base + <usize>px * pixel_stride;
          for (let p = PARTS * PARTS; p > 0; p--) {
            let a0 = from, a1 = a0 + pixel_stride, a2 = a1 + pixel_stride, a3 = a2 + pixel_stride;
            const across = load<i32>(step, 4), back = row - (<usize>across << 2);
            const i0 = scratch + load<usize>(step, 8), i1 = scratch + load<usize>(step, 12);
            let c00 = i32x4.add(v128.load(i0), v128.load(i1)), c01 = i32x4.add(v128.load(i0, 16), v128.load(i1, 16));
            let c10 = i32x4.add(v128.load(i0, 32), v128.load(i1, 32));
            let c11 = i32x4.add(v128.load(i0, 48), v128.load(i1, 48));
            let c20 = i32x4.add(v128.load(i0, 64), v128.load(i1, 64));
            let c21 = i32x4.add(v128.load(i0, 80), v128.load(i1, 80));
            let c30 = i32x4.add(v128.load(i0, 96), v128.load(i1, 96));
            let c31 = i32x4.add(v128.load(i0, 112), v128.load(i1, 112));
            let j = load<i32>(step);
            if (j > 0) do {
              let g = across;
              if (g > 0) do {
                const w0 = v128.load(b), w1 = v128.load(b, 16);
                let a = v128.load32_splat(a0);
                c00 = dot(w0, a, c00);
                c01 = dot(w1, a, c01);
                a = v128.load32_splat(a1);
                c10 = dot(w0, a, c10);
                c11 = dot(w1, a, c11);
                a = v128.load32_splat(a2);
                c20 = dot(w0, a, c20);
                c21 = dot(w1, a, c21);
                a = v128.load32_splat(a3);
                c30 = dot(w0, a, c30);
                c31 = dot(w1, a, c31);
                b += 32;
                a0 += 4;
                a1 += 4;
                a2 += 4;
                a3 += 4;
              } while (--g > 0);
              a0 += back;
              a1 += back;
              a2 += back;
              a3 += back;
            } while (--j > 0);
            const d = scratch + load<usize>(step, 16);
            if (load<i32>(step, 20)) {
              c00 = i32x4.max_s(c00, v128.load(d));
              c01 = i32x4.max_s(c01, v128.load(d, 16));
              c10 = i32x4.max_s(c10, v128.load(d, 32));
              c11 = i32x4.max_s(c11, v128.load(d, 48));
              c20 = i32x4.max_s(c20, v128.load(d, 64));
              c21 = i32x4.max_s(c21, v128.load(d, 80));
              c30 = i32x4.max_s(c30, v128.load(d, 96));
              c31 = i32x4.max_s(c31, v128.load(d, 112));
            }
            v128.store(d, c00);
            v128.store(d, c01, 16);
            v128.store(d, c10, 32);
            v128.store(d, c11, 48);
            v128.store(d, c20, 64);
            v128.store(d, c21, 80);
            v128.store(d, c30, 96);
            v128.store(d, c31, 112);
            step += STEP;
            from += plane;
          }
          const b0 = v128.load(head), b1 = v128.load(head, 16), s0 = v128.load(head, 32), s1 = v128.load(head, 48);
          let z = scratch, to = o;
          for (let i = 4; i > 0; i--) {
            // SS and the maximum
            const q0 = i32x4.add(i32x4.add(v128.load(z, 5 * SLOT), v128.load(z, SLOT)), b0);
            const q1 = i32x4.add(i32x4.add(v128.load(z, 5 * SLOT + 16), v128.load(z, SLOT + 16)), b1);
            storeFirst(to, narrowed(requantized(q0, s0, low, shift), requantized(q1, s1, low, shift), high), rest);
            z += 32;
            to += <usize>y_pixel_stride;
          }
          head += panel;
          o += 16;
        }
      }
      base += row;
      line += <usize>y_row_stride;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
