// Optimizer steps, in the order of operations of Keras 3, never fused.

export function f32_adam(
  n: i32,
  w: usize,
  m: usize,
  v: usize,
  g: usize,
  rate: usize,
  decay: usize,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
): void {
  const alpha = f32x4.splat(load<f32>(rate));
  const shrink = f32x4.splat(load<f32>(decay));
  const new1 = f32x4.splat(1 - beta1);
  const new2 = f32x4.splat(1 - beta2);
  const floor = f32x4.splat(epsilon);
  for (let i = 0; i < n; i += 4) {
    const gradient = v128.load(g);
    const m0 = v128.load(m);
    const v0 = v128.load(v);
    const w0 = v128.load(w);
    const m1 = f32x4.add(m0, f32x4.mul(f32x4.sub(gradient, m0), new1));
    const v1 = f32x4.add(v0, f32x4.mul(f32x4.sub(f32x4.mul(gradient, gradient), v0), new2));
    const step = f32x4.div(f32x4.mul(m1, alpha), f32x4.add(f32x4.sqrt(v1), floor));
    v128.store(m, m1);
    v128.store(v, v1);
    v128.store(w, f32x4.sub(f32x4.sub(w0, f32x4.mul(w0, shrink)), step));
    w += 16;
    m += 16;
    v += 16;
    g += 16;
  }
}
