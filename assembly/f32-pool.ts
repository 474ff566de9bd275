// f32 pooling.

@inline function at(p: usize, element: i32): usize {
  return p + (<usize>element << 2);
}

function largest(n: i32, x: usize, xs: i32, y: usize, ys: i32, index: usize, is: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32): void {
  for (let i = 0; i < n; i++) {
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let o = 0; o < c; o++) {
          let best: f32 = 0, place = -1;
          for (let ky = 0; ky < kh; ky++)
            for (let kx = 0; kx < kw; kx++) {
              const iy = oy * sh + ky * dh - pt, ix = ox * sw + kx * dw - pl;
              if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
              const j = (iy * w + ix) * c + o;
              const v = load<f32>(at(x, j));
              if (place < 0 || v > best || (v != v && best == best)) {
                best = v;
                place = j;
              }
            }
          store<f32>(at(y, (oy * ow + ox) * c + o), best);
          if (index) store<i32>(at(index, (oy * ow + ox) * c + o), place);
        }
    x += <usize>xs;
    y += <usize>ys;
    if (index) index += <usize>is;
  }
}

export function f32_max_pool2d(n: i32, x: usize, xs: i32, y: usize, ys: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32): void {
  largest(n, x, xs, y, ys, 0, 0, h, w, c, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw);
}

export function f32_max_pool2d_index(n: i32, x: usize, xs: i32, y: usize, ys: i32, index: usize, is: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32): void {
  largest(n, x, xs, y, ys, index, is, h, w, c, oh, ow, kh, kw, sh, sw, pt, pl, dh, dw);
}

export function f32_max_pool2d_gradient(n: i32, gy: usize, gys: i32, index: usize, is: i32, gx: usize, gxs: i32, inputs: i32, outputs: i32): void {
  for (let i = 0; i < n; i++) {
    memory.fill(gx, 0, <usize>inputs << 2);
    for (let j = 0; j < outputs; j++) {
      const to = at(gx, load<i32>(at(index, j)));
      store<f32>(to, load<f32>(to) + load<f32>(at(gy, j)));
    }
    gy += <usize>gys;
    index += <usize>is;
    gx += <usize>gxs;
  }
}

/** Taps `first + k * step` in 0..limit-1. */
function inside(first: i32, taps: i32, step: i32, limit: i32): i32 {
  let count = 0;
  for (let k = 0; k < taps; k++) if (first + k * step >= 0 && first + k * step < limit) count++;
  return count;
}

/** How many taps of window (oy, ox) are averaged. */
function population(oy: i32, ox: i32, h: i32, w: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, pb: i32, pr: i32, includePad: i32): f32 {
  if (includePad) return <f32>(inside(oy * sh, kh, dh, pt + h + pb) * inside(ox * sw, kw, dw, pl + w + pr));
  return <f32>(inside(oy * sh - pt, kh, dh, h) * inside(ox * sw - pl, kw, dw, w));
}

export function f32_average_pool2d(n: i32, x: usize, xs: i32, y: usize, ys: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, pb: i32, pr: i32, includePad: i32): void {
  for (let i = 0; i < n; i++) {
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++) {
        const count = population(oy, ox, h, w, kh, kw, sh, sw, pt, pl, dh, dw, pb, pr, includePad);
        for (let o = 0; o < c; o++) {
          let sum: f32 = 0;
          for (let ky = 0; ky < kh; ky++)
            for (let kx = 0; kx < kw; kx++) {
              const iy = oy * sh + ky * dh - pt, ix = ox * sw + kx * dw - pl;
              if (iy >= 0 && iy < h && ix >= 0 && ix < w) sum += load<f32>(at(x, (iy * w + ix) * c + o));
            }
          store<f32>(at(y, (oy * ow + ox) * c + o), sum / count);
        }
      }
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function f32_average_pool2d_gradient(n: i32, gy: usize, gys: i32, gx: usize, gxs: i32, h: i32, w: i32, c: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, pb: i32, pr: i32, includePad: i32): void {
  for (let i = 0; i < n; i++) {
    memory.fill(gx, 0, <usize>(h * w * c) << 2);
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++) {
        const count = population(oy, ox, h, w, kh, kw, sh, sw, pt, pl, dh, dw, pb, pr, includePad);
        for (let ky = 0; ky < kh; ky++)
          for (let kx = 0; kx < kw; kx++) {
            const iy = oy * sh + ky * dh - pt, ix = ox * sw + kx * dw - pl;
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            for (let o = 0; o < c; o++) {
              const to = at(gx, (iy * w + ix) * c + o);
              store<f32>(to, load<f32>(to) + load<f32>(at(gy, (oy * ow + ox) * c + o)) / count);
            }
          }
      }
    gy += <usize>gys;
    gx += <usize>gxs;
  }
}
