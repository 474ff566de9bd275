// f32 pooling on NHWC images: lanes are channels, and what is left of them goes one by one.

/** Taps 0 .. taps - 1 at first + k * step: the least k inside 0 .. limit - 1. */
@inline function firstInside(first: i32, step: i32): i32 {
  return first >= 0 ? 0 : (step - 1 - first) / step;
}

/** One past the greatest. */
@inline function endInside(first: i32, taps: i32, step: i32, limit: i32): i32 {
  return first >= limit ? 0 : min(taps, (limit - 1 - first) / step + 1);
}

/** May `v` replace `best`? It is greater, or the first NaN. */
@inline function wins(v: v128, best: v128): v128 {
  return v128.or(f32x4.gt(v, best), v128.andnot(f32x4.ne(v, v), f32x4.ne(best, best)));
}

/** Largest of each window; `indexed`: also the element it lay at. */
@inline function largest(indexed: bool, n: i32, x: usize, xs: i32, y: usize, ys: i32, index: usize, is: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32): void {
  for (let i = 0; i < n; i++) {
    let to = y, place = index;
    for (let oy = 0; oy < oh; oy++) {
      const top = oy * sh - pt, ky0 = firstInside(top, dh), ky1 = endInside(top, kh, dh, h);
      for (let ox = 0; ox < ow; ox++) {
        const left = ox * sw - pl, kx0 = firstInside(left, dw), kx1 = endInside(left, kw, dw, w);
        const start = ((top + ky0 * dh) * w + left + kx0 * dw) * c;
        let o = 0;
        for (; o + 4 <= c; o += 4) {
          let best = v128.load(x + (<usize>(start + o) << 2));
          let at = i32x4.splat(start);
          for (let ky = ky0; ky < ky1; ky++) {
            let element = ((top + ky * dh) * w + left + kx0 * dw) * c;
            for (let kx = kx0; kx < kx1; kx++) {
              const v = v128.load(x + (<usize>(element + o) << 2));
              const better = wins(v, best);
              best = v128.bitselect(v, best, better);
              if (indexed) at = v128.bitselect(i32x4.splat(element), at, better);
              element += dw * c;
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
            let element = ((top + ky * dh) * w + left + kx0 * dw) * c + o;
            for (let kx = kx0; kx < kx1; kx++) {
              const v = load<f32>(x + (<usize>element << 2));
              if (v > best || (v != v && best == best)) {
                best = v;
                at = element;
              }
              element += dw * c;
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

export function f32_max_pool2d(n: i32, x: usize, xs: i32, y: usize, ys: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32): void {
  largest(false, n, x, xs, y, ys, 0, 0, h, w, c, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw);
}

export function f32_max_pool2d_index(n: i32, x: usize, xs: i32, y: usize, ys: i32, index: usize, is: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32): void {
  largest(true, n, x, xs, y, ys, index, is, h, w, c, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw);
}

export function f32_max_pool2d_gradient(n: i32, gy: usize, gys: i32, index: usize, is: i32, gx: usize, gxs: i32, inputs: i32, outputs: i32): void {
  for (let i = 0; i < n; i++) {
    memory.fill(gx, 0, <usize>inputs << 2);
    for (let j = 0; j < outputs; j++) {
      const to = gx + (<usize>load<i32>(index + (<usize>j << 2)) << 2);
      store<f32>(to, load<f32>(to) + load<f32>(gy + (<usize>j << 2)));
    }
    gy += <usize>gys;
    index += <usize>is;
    gx += <usize>gxs;
  }
}

/** How many taps along one axis are averaged: those inside the image, or inside the padded image. */
@inline function population(first: i32, taps: i32, step: i32, size: i32, before: i32, after: i32, includePad: i32): i32 {
  if (includePad) return endInside(first + before, taps, step, before + size + after);
  return endInside(first, taps, step, size) - firstInside(first, step);
}

export function f32_average_pool2d(n: i32, x: usize, xs: i32, y: usize, ys: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, pb: i32, pr: i32, includePad: i32): void {
  for (let i = 0; i < n; i++) {
    let to = y;
    for (let oy = 0; oy < oh; oy++) {
      const top = oy * sh - pt, ky0 = firstInside(top, dh), ky1 = endInside(top, kh, dh, h);
      const countY = population(top, kh, dh, h, pt, pb, includePad);
      for (let ox = 0; ox < ow; ox++) {
        const left = ox * sw - pl, kx0 = firstInside(left, dw), kx1 = endInside(left, kw, dw, w);
        const count = <f32>(countY * population(left, kw, dw, w, pl, pr, includePad));
        let o = 0;
        for (; o + 4 <= c; o += 4) {
          let sum = f32x4.splat(0);
          for (let ky = ky0; ky < ky1; ky++) {
            let from = x + (<usize>(((top + ky * dh) * w + left + kx0 * dw) * c + o) << 2);
            for (let kx = kx0; kx < kx1; kx++) {
              sum = f32x4.add(sum, v128.load(from));
              from += <usize>(dw * c << 2);
            }
          }
          v128.store(to, f32x4.div(sum, f32x4.splat(count)));
          to += 16;
        }
        for (; o < c; o++) {
          let sum: f32 = 0;
          for (let ky = ky0; ky < ky1; ky++) {
            let from = x + (<usize>(((top + ky * dh) * w + left + kx0 * dw) * c + o) << 2);
            for (let kx = kx0; kx < kx1; kx++) {
              sum += load<f32>(from);
              from += <usize>(dw * c << 2);
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

export function f32_average_pool2d_gradient(n: i32, gy: usize, gys: i32, gx: usize, gxs: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, pb: i32, pr: i32, includePad: i32): void {
  for (let i = 0; i < n; i++) {
    memory.fill(gx, 0, <usize>(h * w * c) << 2);
    let from = gy;
    for (let oy = 0; oy < oh; oy++) {
      const top = oy * sh - pt, ky0 = firstInside(top, dh), ky1 = endInside(top, kh, dh, h);
      const countY = population(top, kh, dh, h, pt, pb, includePad);
      for (let ox = 0; ox < ow; ox++) {
        const left = ox * sw - pl, kx0 = firstInside(left, dw), kx1 = endInside(left, kw, dw, w);
        const count = <f32>(countY * population(left, kw, dw, w, pl, pr, includePad));
        let o = 0;
        for (; o + 4 <= c; o += 4) {
          const share = f32x4.div(v128.load(from), f32x4.splat(count));
          from += 16;
          for (let ky = ky0; ky < ky1; ky++) {
            let to = gx + (<usize>(((top + ky * dh) * w + left + kx0 * dw) * c + o) << 2);
            for (let kx = kx0; kx < kx1; kx++) {
              v128.store(to, f32x4.add(v128.load(to), share));
              to += <usize>(dw * c << 2);
            }
          }
        }
        for (; o < c; o++) {
          const share = load<f32>(from) / count;
          from += 4;
          for (let ky = ky0; ky < ky1; ky++) {
            let to = gx + (<usize>(((top + ky * dh) * w + left + kx0 * dw) * c + o) << 2);
            for (let kx = kx0; kx < kx1; kx++) {
              store<f32>(to, load<f32>(to) + share);
              to += <usize>(dw * c << 2);
            }
          }
        }
      }
    }
    gy += <usize>gys;
    gx += <usize>gxs;
  }
}
