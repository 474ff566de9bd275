import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/memory.ts";
import { noise, overVariants } from "./harness.ts";

overVariants("permute of assembly/memory.ts", "run", bench => {
  test("permute reads by index and writes zero for padding", () => {
    bench.reset();
    const x = bench.input(Float32Array.of(5, 6, 7));
    const index = bench.input(Int32Array.of(2, -1, 0, 1));
    const y = bench.output(16);
    bench.run("permute", { n: 4, x, y, index });
    expect([...bench.f32.subarray(y / 4, y / 4 + 4)]).toEqual([7, 0, 5, 6]);
  });
});

overVariants("rearrange of assembly/memory.ts, along axes", "run", bench => {
  test.each([
    [[[5, 12]]],
    [
      [
        [3, 100],
        [1, 7],
        [4, -8],
      ],
    ],
    [
      [
        [2, 64],
        [2, 16],
        [2, 4],
        [2, 1],
      ],
    ],
  ] as [number, number][][][])("offsets along %j", axes => {
    bench.reset();
    const expected = twin.offsets(axes);
    const y = bench.output(expected.byteLength);
    bench.run("offsets", { rank: axes.length, axes: bench.input(Int32Array.from(axes.flat())), y });
    expect([...bench.i32.subarray(y / 4, y / 4 + expected.length)]).toEqual([...expected]);
  });
  const run = (count: number, start: number, step = 0): twin.Run => ({ count, start, step });
  const nowhere = (count: number) => run(count, -1, 7);
  // along y: rows with a gap between them; along x: in any order, the same twice, backwards, none
  const CASES: [string, number, readonly (readonly twin.Run[])[]][] = [
    ["one axis", 1, [[run(1, 3), run(2, 0), run(1, 2)]]],
    ["one run", 0, [[run(7, 1, 1)]]],
    ["a run backwards", 2, [[run(5, 9, -2)]]],
    ["padding at both ends", 2, [[nowhere(1), run(2, 1, -1), nowhere(3)]]],
    ["nothing but padding", 1, [[nowhere(2)], [run(3, 0, 1)]]],
    [
      "padding of an outer axis goes for all within",
      0,
      [
        [run(1, 0), nowhere(1), run(1, 4)],
        [run(1, 2), run(2, 0, 1)],
      ],
    ],
    ["three axes", 3, [[run(2, 6, -6)], [run(2, 0, 3), nowhere(1)], [run(2, 2, -1)]]],
  ];
  const OF = [1, 2, 3, 4, 15, 16, 17, 35, 127, 128, 131].flatMap(bytes => CASES.map(c => [bytes, ...c] as const));
  test.each(OF)("rearrange: pieces of %i bytes, %s", (bytes, _, gap, places) => {
    bench.reset();
    let pitch = bytes;
    const axes = [...places].reverse().map(list => {
      const runs = list.map(({ count, start, step }) => run(count, start < 0 ? -1 : start * bytes, step * bytes));
      const axis = { pitch, runs };
      pitch = pitch * runs.reduce((n, { count }) => n + count, 0) + gap;
      return axis;
    });
    axes.reverse();
    const [xs, ys] = [12 * bytes + 5, pitch + 3];
    const data = Uint8Array.from({ length: 2 * xs }, (_, i) => (i * 7 + (i >> 8)) & 255);
    const x = bench.input(data);
    const y = bench.output(ys + pitch);
    const expected = bench.u8.slice(y, y + ys + pitch);
    const table = Int32Array.from(
      axes.flatMap(({ pitch, runs }) => [
        runs.length,
        pitch,
        ...runs.flatMap(({ count, start, step }) => [count, start, step]),
      ]),
    );
    const shared = { rank: axes.length, axes: bench.input(table), bytes };
    // all bytes of the word are one, so that the reference may fill with bytes
    bench.run("rearrange", { n: 2, x, xs, y, ys, ...shared, fill: 0x5a5a5a5a });
    for (let n = 0; n < 2; n++) twin.rearrange(data.subarray(n * xs), expected.subarray(n * ys), axes, bytes, 0x5a);
    expect([...bench.u8.subarray(y, y + ys + pitch)]).toEqual([...expected]);
  });
});

overVariants("memory.ts by index", "train", bench => {
  test("f32_scatter_add adds in order, and nothing for padding", () => {
    bench.reset();
    const index = Int32Array.of(1, 0, -1, 1, 2, 1);
    const dy = noise(2 * 8, 3);
    const dx = noise(2 * 4, 4);
    const to = bench.output(2 * 16);
    bench.f32.set(dx, to / 4);
    const from = bench.input(dy);
    const args = { n: 2, dy: from, dys: 32, dx: to, dxs: 16, length: index.length, index: bench.input(index) };
    bench.run("f32_scatter_add", args);
    for (let n = 0; n < 2; n++) {
      const expected = dx.slice(4 * n, 4 * n + 4);
      twin.f32_scatter_add(dy.subarray(8 * n, 8 * n + index.length), expected, index);
      expect([...bench.f32.subarray(to / 4 + 4 * n, to / 4 + 4 * n + 4)]).toEqual([...expected]);
    }
  });
});
