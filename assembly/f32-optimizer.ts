// Optimizer steps, in the order of operations of Keras 3. Never fused: the same bits in every binary.

/** w - w * decay. */
@inline function decayed(w: usize, decay: v128): v128 {
  const w0 = v128.load(w);
  return f32x4.sub(w0, f32x4.mul(w0, decay));
}

/** old * keep + new * (1 - keep). */
@inline function mix(old: v128, fresh: v128, keep: f32): v128 {
  return f32x4.add(f32x4.mul(old, f32x4.splat(keep)), f32x4.mul(fresh, f32x4.splat(1 - keep)));
}

export function f32_sgd(n: i32, w: usize, g: usize, rate: usize, decay: usize): void {
  const lr = v128.load32_splat(rate);
  const shrink = v128.load32_splat(decay);
  for (let i = 0; i < n; i += 4) {
    v128.store(w, f32x4.sub(decayed(w, shrink), f32x4.mul(v128.load(g), lr)));
    w += 16;
    g += 16;
  }
}

@inline function momentumStep(
  nesterov: bool,
  n: i32,
  w: usize,
  m: usize,
  g: usize,
  rate: usize,
  decay: usize,
  momentum: f32,
): void {
  const lr = v128.load32_splat(rate);
  const shrink = v128.load32_splat(decay);
  const keep = f32x4.splat(momentum);
  for (let i = 0; i < n; i += 4) {
    const step = f32x4.mul(v128.load(g), lr);
    const m1 = f32x4.sub(f32x4.mul(v128.load(m), keep), step);
    const move = nesterov ? f32x4.sub(f32x4.mul(m1, keep), step) : m1;
    v128.store(m, m1);
    v128.store(w, f32x4.add(decayed(w, shrink), move));
    w += 16;
    m += 16;
    g += 16;
  }
}

export function f32_momentum(
  n: i32,
  w: usize,
  m: usize,
  g: usize,
  rate: usize,
  decay: usize,
  momentum: f32,
): void {
  momentumStep(false, n, w, m, g, rate, decay, momentum);
}
export function f32_nesterov(
  n: i32,
  w: usize,
  m: usize,
  g: usize,
  rate: usize,
  decay: usize,
  momentum: f32,
): void {
  momentumStep(true, n, w, m, g, rate, decay, momentum);
}

@inline function rmsprop(
  centered: bool,
  moving: bool,
  n: i32,
  w: usize,
  v: usize,
  a: usize,
  m: usize,
  g: usize,
  rate: usize,
  decay: usize,
  rho: f32,
  epsilon: f32,
  momentum: f32,
): void {
  const lr = v128.load32_splat(rate);
  const shrink = v128.load32_splat(decay);
  const keep = f32x4.splat(momentum);
  const floor = f32x4.splat(epsilon);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const gradient = v128.load(g + at);
    const v1 = mix(v128.load(v + at), f32x4.mul(gradient, gradient), rho);
    v128.store(v + at, v1);
    let spread = v1;
    if (centered) {
      const a1 = mix(v128.load(a + at), gradient, rho);
      v128.store(a + at, a1);
      spread = f32x4.sub(v1, f32x4.mul(a1, a1));
    }
    let step = f32x4.div(f32x4.mul(gradient, lr), f32x4.sqrt(f32x4.add(spread, floor)));
    if (moving) {
      step = f32x4.add(f32x4.mul(v128.load(m + at), keep), step);
      v128.store(m + at, step);
    }
    v128.store(w + at, f32x4.sub(decayed(w + at, shrink), step));
  }
}

export function f32_rmsprop(
  n: i32,
  w: usize,
  v: usize,
  g: usize,
  rate: usize,
  decay: usize,
  rho: f32,
  epsilon: f32,
): void {
  rmsprop(false, false, n, w, v, 0, 0, g, rate, decay, rho, epsilon, 0);
}
export function f32_rmsprop_momentum(
  n: i32,
  w: usize,
  v: usize,
  m: usize,
  g: usize,
  rate: usize,
  decay: usize,
  rho: f32,
  epsilon: f32,
  momentum: f32,
): void {
  rmsprop(false, true, n, w, v, 0, m, g, rate, decay, rho, epsilon, momentum);
}
export function f32_rmsprop_centered(
  n: i32,
  w: usize,
  v: usize,
  a: usize,
  g: usize,
  rate: usize,
  decay: usize,
  rho: f32,
  epsilon: f32,
): void {
  rmsprop(true, false, n, w, v, a, 0, g, rate, decay, rho, epsilon, 0);
}
export function f32_rmsprop_centered_momentum(
  n: i32,
  w: usize,
  v: usize,
  a: usize,
  m: usize,
  g: usize,
  rate: usize,
  decay: usize,
  rho: f32,
  epsilon: f32,
  momentum: f32,
): void {
  rmsprop(true, true, n, w, v, a, m, g, rate, decay, rho, epsilon, momentum);
}

export function f32_adam(
  n: i32,
  w: usize,
  m: usize,
  v: usize,
  g: usize,
  rate: usize,
  decay: usize,
  share1: f32,
  share2: f32,
  epsilon: f32,
): void {
  const alpha = v128.load32_splat(rate);
  const shrink = v128.load32_splat(decay);
  const new1 = f32x4.splat(share1);
  const new2 = f32x4.splat(share2);
  const floor = f32x4.splat(epsilon);
  for (let i = 0; i < n; i += 4) {
    const gradient = v128.load(g);
    const m0 = v128.load(m);
    const v0 = v128.load(v);
    const m1 = f32x4.add(m0, f32x4.mul(f32x4.sub(gradient, m0), new1));
    const v1 = f32x4.add(v0, f32x4.mul(f32x4.sub(f32x4.mul(gradient, gradient), v0), new2));
    const step = f32x4.div(f32x4.mul(m1, alpha), f32x4.add(f32x4.sqrt(v1), floor));
    v128.store(m, m1);
    v128.store(v, v1);
    v128.store(w, f32x4.sub(decayed(w, shrink), step));
    w += 16;
    m += 16;
    v += 16;
    g += 16;
  }
}
