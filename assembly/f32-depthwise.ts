// f32 depthwise convolutions, weights [kh][kw][out].
import { BIAS_RELU, MASK } from "./f32-gemm";

@inline function at(p: usize, element: i32): usize {
  return p + (<usize>element << 2);
}

export function f32_depthwise(n: i32, x: usize, xs: i32, weight: usize, y: usize, ys: i32, mode: i32, aux: usize, h: i32, w: i32, cin: i32, multiplier: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, scratch: usize): void {
  const cout = cin * multiplier, padded = cout + 7 & -8;
  for (let i = 0; i < n; i++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let o = 0; o < cout; o++) {
          let sum: f32 = 0;
          for (let ky = 0; ky < kh; ky++)
            for (let kx = 0; kx < kw; kx++) {
              const iy = oy * sh + ky * dh - pt, ix = ox * sw + kx * dw - pl;
              if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
              sum += load<f32>(at(x + <usize>i * <usize>xs, (iy * w + ix) * cin + o / multiplier)) * load<f32>(at(weight, (ky * kw + kx) * padded + o));
            }
          const to = at(<usize>i * <usize>ys, (oy * ow + ox) * cout + o);
          if (mode == MASK) sum = load<f32>(aux + to) > 0 ? sum : 0;
          else if (mode) sum += load<f32>(at(aux, o));
          if (mode == BIAS_RELU) sum = max<f32>(sum, 0);
          store<f32>(y + to, sum);
        }
}

export function f32_depthwise_input_gradient(n: i32, gy: usize, gys: i32, weight: usize, gx: usize, gxs: i32, h: i32, w: i32, cin: i32, multiplier: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32): void {
  const cout = cin * multiplier, padded = cout + 7 & -8;
  for (let i = 0; i < n; i++) {
    memory.fill(gx, 0, <usize>(h * w * cin) << 2);
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let ky = 0; ky < kh; ky++)
          for (let kx = 0; kx < kw; kx++) {
            const iy = oy * sh + ky * dh - pt, ix = ox * sw + kx * dw - pl;
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            for (let o = 0; o < cout; o++) {
              const to = at(gx, (iy * w + ix) * cin + o / multiplier);
              store<f32>(to, load<f32>(to) + load<f32>(at(gy, (oy * ow + ox) * cout + o)) * load<f32>(at(weight, (ky * kw + kx) * padded + o)));
            }
          }
    gy += <usize>gys;
    gx += <usize>gxs;
  }
}

export function f32_depthwise_weight_gradient(n: i32, x: usize, xs: i32, gy: usize, gys: i32, gw: usize, gb: usize, accumulate: i32, h: i32, w: i32, cin: i32, multiplier: i32, oh: i32, ow: i32, kh: i32, kw: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, scratch: usize): void {
  const cout = cin * multiplier, padded = cout + 7 & -8;
  if (!accumulate) {
    memory.fill(gw, 0, <usize>(padded * kh * kw) << 2);
    memory.fill(gb, 0, <usize>padded << 2);
  }
  for (let i = 0; i < n; i++) {
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let o = 0; o < cout; o++) {
          const d = load<f32>(at(gy, (oy * ow + ox) * cout + o));
          const b = at(gb, o);
          store<f32>(b, load<f32>(b) + d);
          for (let ky = 0; ky < kh; ky++)
            for (let kx = 0; kx < kw; kx++) {
              const iy = oy * sh + ky * dh - pt, ix = ox * sw + kx * dw - pl;
              if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
              const to = at(gw, (ky * kw + kx) * padded + o);
              store<f32>(to, load<f32>(to) + d * load<f32>(at(x, (iy * w + ix) * cin + o / multiplier)));
            }
        }
    x += <usize>xs;
    gy += <usize>gys;
  }
}
