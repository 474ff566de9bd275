// Kernels of one element at a time, over whole vectors of stored floats.

export function f32_relu(n: i32, x: usize, y: usize): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < n; i += 4) {
    v128.store(y, f32x4.max(v128.load(x), zero));
    x += 16;
    y += 16;
  }
}

export function f32_relu_gradient(n: i32, dy: usize, y: usize, dx: usize): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < n; i += 4) {
    v128.store(dx, v128.and(v128.load(dy), f32x4.gt(v128.load(y), zero)));
    dy += 16;
    y += 16;
    dx += 16;
  }
}

const ADD: i32 = 0;
const SUB: i32 = 1;
const MUL: i32 = 2;

@inline function pairs(kind: i32, n: i32, a: usize, b: usize, y: usize): void {
  for (let i = 0; i < n; i += 4) {
    const p = v128.load(a);
    const q = v128.load(b);
    if (kind == ADD) v128.store(y, f32x4.add(p, q));
    else if (kind == SUB) v128.store(y, f32x4.sub(p, q));
    else v128.store(y, f32x4.mul(p, q));
    a += 16;
    b += 16;
    y += 16;
  }
}

export function f32_add(n: i32, a: usize, b: usize, y: usize): void {
  pairs(ADD, n, a, b, y);
}
export function f32_sub(n: i32, a: usize, b: usize, y: usize): void {
  pairs(SUB, n, a, b, y);
}
export function f32_mul(n: i32, a: usize, b: usize, y: usize): void {
  pairs(MUL, n, a, b, y);
}
