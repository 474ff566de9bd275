// Running sums, in f64 so that a long epoch loses nothing.

export function tally(n: i32, x: usize, w: usize, weighted: i32, sum: usize): void {
  let total = load<f64>(sum), count = load<f64>(sum, 8);
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2;
    const by: f64 = weighted ? <f64>load<f32>(w + at) : 1;
    total += by * <f64>load<f32>(x + at);
    count += by;
  }
  store<f64>(sum, total);
  store<f64>(sum, count, 8);
}

export function tally_penalty(n: i32, x: usize, sum: usize): void {
  store<f64>(sum, load<f64>(sum) + <f64>n * <f64>load<f32>(x));
}
