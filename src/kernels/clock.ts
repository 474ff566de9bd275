/**
 * Measures the current clock of the processor, which browsers and operating systems hide, so that speeds can be
 * compared with it. A chain of instructions, each of which needs the result of the one before, takes one clock cycle a
 * link on every current processor.
 */

/** Pairs of `xor` and `add` in one iteration: enough that the loop itself costs nothing. */
const PAIRS = 16;

/**
 * (func (export "chain") (param $x i32) (param $y i32) (param $turns i32) (result i32)
 *   (loop $turn
 *     x = (((x xor y) + y) xor y) + y ...            ;; y is only known at run time, so nothing folds
 *     (br_if $turn (local.tee $turns (turns - 1))))
 *   x)
 */
function chainModule(): Uint8Array<ArrayBuffer> {
  const [i32, x, y, turns] = [0x7f, 0, 1, 2] as const;
  const get = (local: number) => [0x20, local];
  const links = Array.from({ length: PAIRS }, () => [...get(y), 0x73, ...get(y), 0x6a]).flat();
  const chain = [...get(x), ...links, 0x21, x];
  const again = [...get(turns), 0x41, 1, 0x6b, 0x22, turns, 0x0d, 0];
  const body = [0, 0x03, 0x40, ...chain, ...again, 0x0b, ...get(x), 0x0b];
  const section = (id: number, bytes: number[]) => [id, bytes.length, ...bytes];
  const name = [...new TextEncoder().encode("chain")];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, i32, i32, i32, 1, i32]),
    ...section(3, [1, 0]),
    ...section(7, [1, name.length, ...name, 0, 0]),
    ...section(10, [1, body.length, ...body]),
  ]);
}

let chain: ((x: number, y: number, turns: number) => number) | undefined;

/**
 * The clock in GHz, now: the fastest of some fifty runs of half a millisecond. Measure it close in time to the speed it
 * is compared with, as it changes with heat and load. On a busy machine it is a lower bound.
 */
export function clockGHz(): number {
  chain ??= new WebAssembly.Instance(new WebAssembly.Module(chainModule())).exports.chain as NonNullable<typeof chain>;
  const turns = 65536;
  let least = Infinity;
  let x = 1;
  for (let run = 0; run < 50; run++) {
    const began = performance.now();
    x = chain(x, run + 1, turns);
    least = Math.min(least, performance.now() - began);
  }
  return (turns * PAIRS * 2) / (least * 1e6);
}
