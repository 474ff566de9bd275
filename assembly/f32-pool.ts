// f32 pooling on NHWC images: lanes are channels; the last channels that fill no vector are computed one by one.

/** The least k for which first + k * step is not negative: the first tap inside the image. */
@inline function firstInside(first: i32, step: i32): i32 {
  return first >= 0 ? 0 : (step - 1 - first) / step;
}

/** One more than the greatest k < taps for which first + k * step < limit: the end of the taps inside. */
@inline function endInside(first: i32, taps: i32, step: i32, limit: i32): i32 {
  return first >= limit ? 0 : min(taps, (limit - 1 - first) / step + 1);
}

/** True lanes where `v` replaces `best`: it is greater, or the first NaN. */
@inline function wins(v: v128, best: v128): v128 {
  return v128.or(f32x4.gt(v, best), v128.andnot(f32x4.ne(v, v), f32x4.ne(best, best)));
}

/** The largest of each window; `indexed`, a literal: also its element. */
@inline function largest(
  indexed: bool, n: i32, x: usize, xs: i32, y: usize, ys: i32, index: usize, is: i32, h: i32, w: i32, c: i32, oh: i32,
  ow: i32, kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, dilation_h: i32, dilation_w: i32,
): void {
  for (let i = 0; i < n; i++) {
    let to = y, place = index;
    for (let oy = 0; oy < oh; oy++) {
      const top = oy * stride_h - pad_t, ky0 = firstInside(top, dilation_h), ky1 = endInside(top, kh, dilation_h, h);
      for (let ox = 0; ox < ow; ox++) {
        const left = ox * stride_w - pad_l, kx0 = firstInside(left, dilation_w);
        const kx1 = endInside(left, kw, dilation_w, w);
        const start = ((top + ky0 * dilation_h) * w + left + kx0 * dilation_w) * c;
        let o = 0;
        for (; o + 4 <= c; o += 4) {
          let best = v128.load(x + (<usize>(start + o) << 2));
          let at = i32x4.splat(start);
          for (let ky = ky0; ky < ky1; ky++) {
            let element = ((top + ky * dilation_h) * w + left + kx0 * dilation_w) * c;
            for (let kx = kx0; kx < kx1; kx++) {
              const v = v128.load(x + (<usize>(element + o) << 2));
              const better = wins(v, best);
              best = v128.bitselect(v, best, better);
              if (indexed) at = v128.bitselect(i32x4.splat(element), at, better);
              element += dilation_w * c;
            }
          }
          v128.store(to, best);
          to += 16;
          if (indexed) {
            v128.store(place, i32x4.add(at, i32x4.add(i32x4.splat(o), i32x4(0, 1, 2, 3))));
            place += 16;
          }
        }
        for (; o < c; o++) {
          let at = start + o, best = load<f32>(x + (<usize>at << 2));
          for (let ky = ky0; ky < ky1; ky++) {
            let element = ((top + ky * dilation_h) * w + left + kx0 * dilation_w) * c + o;
            for (let kx = kx0; kx < kx1; kx++) {
              const v = load<f32>(x + (<usize>element << 2));
              if (v > best || (v != v && best == best)) {
                best = v;
                at = element;
              }
              element += dilation_w * c;
            }
          }
          store<f32>(to, best);
          to += 4;
          if (indexed) {
            store<i32>(place, at);
            place += 4;
          }
        }
      }
    }
    x += <usize>xs;
    y += <usize>ys;
    index += <usize>is;
  }
}

export function f32_max_pool2d(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32,
  stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, dilation_h: i32, dilation_w: i32,
): void {
  largest(
    false, n, x, xs, y, ys, 0, 0, h, w, c, oh, ow, kh, kw, stride_h, stride_w, pad_t, pad_l, dilation_h, dilation_w,
  );
}

export function f32_max_pool2d_index(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, index: usize, is: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32,
  kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, dilation_h: i32, dilation_w: i32,
): void {
  largest(
    true, n, x, xs, y, ys, index, is, h, w, c, oh, ow, kh, kw, stride_h, stride_w, pad_t, pad_l, dilation_h,
    dilation_w,
  );
}

export function f32_max_pool2d_gradient(
  n: i32, dy: usize, dys: i32, index: usize, is: i32, dx: usize, dxs: i32, inputs: i32, outputs: i32,
): void {
  for (let i = 0; i < n; i++) {
    memory.fill(dx, 0, <usize>inputs << 2);
    for (let j = 0; j < outputs; j++) {
      const to = dx + (<usize>load<i32>(index + (<usize>j << 2)) << 2);
      store<f32>(to, load<f32>(to) + load<f32>(dy + (<usize>j << 2)));
    }
    dy += <usize>dys;
    index += <usize>is;
    dx += <usize>dxs;
  }
}

/** The number of taps along one axis that are averaged: those inside the image, or inside the padded image. */
@inline function population(
  first: i32, taps: i32, step: i32, size: i32, before: i32, after: i32, include_pad: i32,
): i32 {
  if (include_pad) return endInside(first + before, taps, step, before + size + after);
  return endInside(first, taps, step, size) - firstInside(first, step);
}

export function f32_average_pool2d(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32,
  stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, dilation_h: i32, dilation_w: i32, pad_b: i32, pad_r: i32,
  include_pad: i32,
): void {
  for (let i = 0; i < n; i++) {
    let to = y;
    for (let oy = 0; oy < oh; oy++) {
      const top = oy * stride_h - pad_t, ky0 = firstInside(top, dilation_h), ky1 = endInside(top, kh, dilation_h, h);
      const countY = population(top, kh, dilation_h, h, pad_t, pad_b, include_pad);
      for (let ox = 0; ox < ow; ox++) {
        const left = ox * stride_w - pad_l, kx0 = firstInside(left, dilation_w);
        const kx1 = endInside(left, kw, dilation_w, w);
        const count = <f32>(countY * population(left, kw, dilation_w, w, pad_l, pad_r, include_pad));
        let o = 0;
        for (; o + 4 <= c; o += 4) {
          let sum = f32x4.splat(0);
          for (let ky = ky0; ky < ky1; ky++) {
            let from = x + (<usize>(((top + ky * dilation_h) * w + left + kx0 * dilation_w) * c + o) << 2);
            for (let kx = kx0; kx < kx1; kx++) {
              sum = f32x4.add(sum, v128.load(from));
              from += <usize>(dilation_w * c << 2);
            }
          }
          v128.store(to, f32x4.div(sum, f32x4.splat(count)));
          to += 16;
        }
        for (; o < c; o++) {
          let sum: f32 = 0;
          for (let ky = ky0; ky < ky1; ky++) {
            let from = x + (<usize>(((top + ky * dilation_h) * w + left + kx0 * dilation_w) * c + o) << 2);
            for (let kx = kx0; kx < kx1; kx++) {
              sum += load<f32>(from);
              from += <usize>(dilation_w * c << 2);
            }
          }
          store<f32>(to, sum / count);
          to += 4;
        }
      }
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function f32_average_pool2d_gradient(
  n: i32, dy: usize, dys: i32, dx: usize, dxs: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32,
  stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, dilation_h: i32, dilation_w: i32, pad_b: i32, pad_r: i32,
  include_pad: i32,
): void {
  for (let i = 0; i < n; i++) {
    memory.fill(dx, 0, <usize>(h * w * c) << 2);
    let from = dy;
    for (let oy = 0; oy < oh; oy++) {
      const top = oy * stride_h - pad_t, ky0 = firstInside(top, dilation_h), ky1 = endInside(top, kh, dilation_h, h);
      const countY = population(top, kh, dilation_h, h, pad_t, pad_b, include_pad);
      for (let ox = 0; ox < ow; ox++) {
        const left = ox * stride_w - pad_l, kx0 = firstInside(left, dilation_w);
        const kx1 = endInside(left, kw, dilation_w, w);
        const count = <f32>(countY * population(left, kw, dilation_w, w, pad_l, pad_r, include_pad));
        let o = 0;
        for (; o + 4 <= c; o += 4) {
          const share = f32x4.div(v128.load(from), f32x4.splat(count));
          from += 16;
          for (let ky = ky0; ky < ky1; ky++) {
            let to = dx + (<usize>(((top + ky * dilation_h) * w + left + kx0 * dilation_w) * c + o) << 2);
            for (let kx = kx0; kx < kx1; kx++) {
              v128.store(to, f32x4.add(v128.load(to), share));
              to += <usize>(dilation_w * c << 2);
            }
          }
        }
        for (; o < c; o++) {
          const share = load<f32>(from) / count;
          from += 4;
          for (let ky = ky0; ky < ky1; ky++) {
            let to = dx + (<usize>(((top + ky * dilation_h) * w + left + kx0 * dilation_w) * c + o) << 2);
            for (let kx = kx0; kx < kx1; kx++) {
              store<f32>(to, load<f32>(to) + share);
              to += <usize>(dilation_w * c << 2);
            }
          }
        }
      }
    }
    dy += <usize>dys;
    dx += <usize>dxs;
  }
}
