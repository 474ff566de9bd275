import { expect, test } from "vitest";
import { conv2d, maxPool2d, sequential } from "../../src/model/index.ts";
import { lenet5 } from "../../src/models/index.ts";
import { quantizeStatic } from "../../src/passes/quantize/static.ts";
import { printProgram } from "../../src/plan/print.ts";
import { Net } from "../../src/run/net.ts";
import { profile } from "../../src/run/profile.ts";

const QUICK = { milliseconds: 0.2 };

const float = (await lenet5({ seed: 1 })).graph;
const int8 = quantizeStatic(float, { range: () => ({ min: -1, max: 1 }), int8Borders: true });

for (const [name, graph] of Object.entries({ float, int8 })) {
  test(`${name} LeNet-5: a row for every node that runs, with the products of its definition`, async () => {
    const { rows, macs, micros, gigamacs } = await profile(graph, QUICK);
    // conv1 24*24*6*25, conv2 8*8*16*150, dense 256*120, 120*84, 84*10
    expect(rows.map(r => r.macs).filter(n => n > 0)).toEqual([86400, 153600, 30720, 10080, 840]);
    expect(macs).toBe(281640);
    expect(gigamacs).toBeCloseTo(macs / micros / 1e3, 10);
    expect(rows.at(-1)!.op).toBe("emit");
    for (const row of rows) {
      expect(row.micros, row.layer).toBeGreaterThan(0);
      expect(row.kernels.length, row.layer).toBeGreaterThan(0);
      expect(row.gigamacs).toBeCloseTo(row.macs / row.micros / 1e3, 10);
    }
    expect(rows.reduce((sum, r) => sum + r.share, 0)).toBeCloseTo(1, 10);
  });

  test(`${name} LeNet-5: the kernels are those of the program, in its order`, async () => {
    const { rows } = await profile(graph, QUICK);
    const { machine } = await Net.create(graph, { capacity: 1 });
    const run = printProgram(machine.program("x1")).split("\nrun\n")[1]!;
    const printed = run.split("\n").map(line => line.trim().split(" ")[0]);
    expect(rows.flatMap(r => r.kernels)).toEqual(printed);
  });
}

test("profile: temporaries are in their region, and two in use at once are disjoint", async () => {
  const { arena } = await profile(int8, QUICK);
  expect(arena.kept).toBeGreaterThan(44190); // all weights in int8, packed and unpacked
  expect(arena.kept + arena.temporaries).toBeLessThan(arena.bytes);
  for (const a of arena.buffers) {
    expect(a.first).toBeLessThanOrEqual(a.last);
    for (const b of arena.buffers) {
      if (a === b || a.last < b.first || b.last < a.first) continue;
      expect(a.address + a.bytes <= b.address || b.address + b.bytes <= a.address, `${a.name}, ${b.name}`).toBe(true);
    }
  }
});

test("profile: at batch 1 the lifetime of a temporary is minimal", async () => {
  // three images of 16x16x8 one after the other: two are alive at a time
  const layers = ["a", "b", "c", "d"].map((name, i) =>
    conv2d({ name, filters: 8, kernelSize: 3, padding: "same", ...(i === 0 && { inputShape: [16, 16, 8] }) }),
  );
  const { arena } = await profile(sequential([...layers, maxPool2d()]).graph, QUICK);
  const images = arena.buffers.filter(b => b.bytes >= 16 * 16 * 8 * 4);
  expect(images.length).toBeGreaterThanOrEqual(4);
  expect(arena.temporaries).toBeLessThan(images.reduce((sum, b) => sum + b.bytes, 0));
});

test("profile measures the requested variant", async () => {
  expect((await profile(float, { ...QUICK, variant: "simd" })).variant).toBe("simd");
});

test("profile names bad options", async () => {
  await expect(profile(float, { milliseconds: 0 })).rejects.toThrow('"milliseconds" expected finite number > 0, got 0');
  await expect(profile(float, { time: 1 } as object)).rejects.toThrow('"time"');
});
