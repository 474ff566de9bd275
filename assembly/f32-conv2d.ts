// f32 convolutions.
import { BIAS_RELU, MASK } from "./f32-gemm";

@inline function at(p: usize, element: i32): usize {
  return p + (<usize>element << 2);
}

/** Element of a weight in panels: row k of output o. */
@inline function inPanels(p: usize, o: i32, k: i32, length: i32): usize {
  return at(p, (o >> 3) * length * 8 + k * 8 + (o & 7));
}

export function f32_conv2d(n: i32, x: usize, xs: i32, weight: usize, y: usize, ys: i32, mode: i32, aux: usize, h: i32, w: i32, cin: i32, oh: i32, ow: i32, cout: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, groups: i32, scratch: usize): void {
  const inner = cin / groups, outer = cout / groups;
  for (let i = 0; i < n; i++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let o = 0; o < cout; o++) {
          let sum: f32 = 0;
          for (let ky = 0; ky < kh; ky++) {
            const iy = oy * sh + ky * dh - pt;
            if (iy < 0 || iy >= h) continue;
            for (let kx = 0; kx < kw; kx++) {
              const ix = ox * sw + kx * dw - pl;
              if (ix < 0 || ix >= w) continue;
              for (let c = 0; c < inner; c++)
                sum += load<f32>(at(x + <usize>i * <usize>xs, (iy * w + ix) * cin + o / outer * inner + c)) * load<f32>(inPanels(weight, o, (ky * kw + kx) * inner + c, kh * kw * inner));
            }
          }
          const to = at(<usize>i * <usize>ys, (oy * ow + ox) * cout + o);
          if (mode == MASK) sum = load<f32>(aux + to) > 0 ? sum : 0;
          else if (mode) sum += load<f32>(at(aux, o));
          if (mode == BIAS_RELU) sum = max<f32>(sum, 0);
          store<f32>(y + to, sum);
        }
}

export function f32_conv2d_input_gradient(n: i32, gy: usize, gys: i32, weight: usize, gx: usize, gxs: i32, h: i32, w: i32, cin: i32, oh: i32, ow: i32, cout: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, groups: i32, scratch: usize): void {
  const inner = cin / groups, outer = cout / groups;
  for (let i = 0; i < n; i++)
    for (let iy = 0; iy < h; iy++)
      for (let ix = 0; ix < w; ix++)
        for (let c = 0; c < cin; c++) {
          let sum: f32 = 0;
          for (let ky = kh - 1; ky >= 0; ky--) {
            const ty = iy + pt - ky * dh, oy = ty / sh;
            if (ty < 0 || ty % sh || oy >= oh) continue;
            for (let kx = kw - 1; kx >= 0; kx--) {
              const tx = ix + pl - kx * dw, ox = tx / sw;
              if (tx < 0 || tx % sw || ox >= ow) continue;
              const from = c / inner * outer, lane = c % inner;
              for (let o = from; o < from + outer; o++)
                sum += load<f32>(at(gy + <usize>i * <usize>gys, (oy * ow + ox) * cout + o)) * load<f32>(inPanels(weight, lane, (kh * kw - 1 - ky * kw - kx) * cout + o, kh * kw * cout));
            }
          }
          store<f32>(at(gx + <usize>i * <usize>gxs, (iy * w + ix) * cin + c), sum);
        }
}

export function f32_conv2d_weight_gradient(n: i32, x: usize, xs: i32, gy: usize, gys: i32, gw: usize, gb: usize, accumulate: i32, h: i32, w: i32, cin: i32, oh: i32, ow: i32, cout: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, groups: i32, scratch: usize): void {
  const inner = cin / groups, outer = cout / groups, padded = cout + 7 & -8, length = kh * kw * inner;
  if (!accumulate) {
    memory.fill(gw, 0, <usize>(padded * length) << 2);
    memory.fill(gb, 0, <usize>padded << 2);
  }
  for (let i = 0; i < n; i++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let o = 0; o < cout; o++) {
          const d = load<f32>(at(gy + <usize>i * <usize>gys, (oy * ow + ox) * cout + o));
          const b = at(gb, o);
          store<f32>(b, load<f32>(b) + d);
          for (let ky = 0; ky < kh; ky++)
            for (let kx = 0; kx < kw; kx++) {
              const iy = oy * sh + ky * dh - pt, ix = ox * sw + kx * dw - pl;
              if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
              for (let c = 0; c < inner; c++) {
                const to = inPanels(gw, o, (ky * kw + kx) * inner + c, length);
                store<f32>(to, load<f32>(to) + d * load<f32>(at(x + <usize>i * <usize>xs, (iy * w + ix) * cin + o / outer * inner + c)));
              }
            }
        }
}

export function f32_conv2d_input_panels(out: i32, taps: i32, cin: i32, x: usize, y: usize): void {
  for (let c = 0; c < (cin + 7 & -8); c++)
    for (let tap = 0; tap < taps; tap++)
      for (let o = 0; o < out; o++)
        store<f32>(inPanels(y, c, (taps - 1 - tap) * out + o, taps * out), c < cin ? load<f32>(inPanels(x, o, tap * cin + c, taps * cin)) : 0);
}
