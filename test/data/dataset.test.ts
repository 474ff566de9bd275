import fc from "fast-check";
import { expect, test } from "vitest";
import { checkFinite, checkLabels, Dataset } from "../../src/data/dataset.ts";

/** n rows of two bytes [i, 255 - i], labelled i % classes. */
const numbered = (n: number, classes = 10) =>
  new Dataset({
    images: Uint8Array.from({ length: 2 * n }, (_, i) => (i % 2 ? 255 - (i >> 1) : i >> 1)),
    shape: [2],
    labels: Uint8Array.from({ length: n }, (_, i) => i % classes),
    classes,
  });

const rows = (data: Dataset): number[] => Array.from({ length: data.length }, (_, i) => data.stored(i)[0]!);

test("Dataset.row and stored: rows in real numbers and as stored", () => {
  const data = numbered(20);
  expect(data.length).toBe(20);
  expect(data.shape).toEqual([2]);
  expect(data.classes).toBe(10);
  expect(data.dtype).toBe("u8");
  const { x, y } = data.row(13);
  expect(y).toBe(3);
  expect(x[0]).toBeCloseTo(13 / 255, 6);
  expect(x[1]).toBeCloseTo(242 / 255, 6);
  expect([...data.stored(13)]).toEqual([13, 242]);
  const into = new Float32Array(6);
  data.row(13, into, 2);
  expect([...into]).toEqual([0, 0, x[0], x[1], 0, 0]);
  const bytes = new Uint8Array(4);
  data.stored(13, bytes, 1);
  expect([...bytes]).toEqual([0, 13, 242, 0]);
  expect(() => data.row(20)).toThrow('"row" expected integer in 0..19, got 20');
  expect([...data].map(row => row.y)).toEqual([...data.labels()!]);
});

test("Dataset.row: real numbers are those of a float32 multiply and add", () => {
  const data = numbered(200).normalise({ mean: 0.1307, std: 0.3081 });
  const { scale, offset } = data as { scale: number; offset: number };
  expect(Math.fround(scale)).toBe(scale);
  for (const i of [0, 77, 199]) expect(data.row(i).x[0]).toBe(Math.fround(Math.fround(i * scale) + offset));
});

test("Dataset.take, skip and split give these rows, and share the images", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 60 }),
      fc.nat(80),
      fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      (n, count, fraction) => {
        const data = numbered(n).shuffle(n);
        const all = rows(data);
        expect(rows(data.take(count))).toEqual(all.slice(0, count));
        expect(rows(data.skip(count))).toEqual(all.slice(count));
        const [first, rest] = data.split(fraction);
        expect([...rows(first), ...rows(rest)]).toEqual(all);
        expect(first.length).toBe(Math.floor(fraction * n));
        expect(first.images.buffer).toBe(data.images.buffer);
        expect(data.split(1)[0].length).toBe(1);
      },
    ),
  );
  expect(() => numbered(5).split(0)).toThrow(RangeError);
  expect(() => numbered(5).split(5)).toThrow(RangeError);
  expect(() => numbered(5).split(2.5)).toThrow(RangeError);
});

test("Dataset.shuffle keeps images, labels, targets and weights together", () => {
  const data = new Dataset({
    images: Float32Array.from({ length: 50 }, (_, i) => i),
    shape: [1],
    targets: Float32Array.from({ length: 100 }, (_, i) => i),
    sampleWeights: Float32Array.from({ length: 50 }, (_, i) => i / 10),
  });
  const shuffled = data.shuffle(3).skip(5);
  expect(rows(shuffled)).not.toEqual(rows(data.skip(5)));
  expect(rows(data.shuffle(3))).toEqual(rows(data.shuffle(3)));
  expect(rows(data.shuffle(3))).not.toEqual(rows(data.shuffle(4)));
  expect(rows(data.shuffle(3)).sort((a, b) => a - b)).toEqual(rows(data));
  const targets = shuffled.targets()!;
  const weights = shuffled.sampleWeights()!;
  for (let i = 0; i < shuffled.length; i++) {
    const { x, y } = shuffled.row(i);
    expect(y).toEqual(Float32Array.of(2 * x[0]!, 2 * x[0]! + 1));
    expect([...targets.subarray(2 * i, 2 * i + 2)]).toEqual([...(y as Float32Array)]);
    expect(weights[i]).toBeCloseTo(x[0]! / 10, 6);
  }
  expect(shuffled.classes).toBe(0);
  expect(shuffled.targetShape).toEqual([2]);
});

test("Dataset.batch returns all rows in order, in the last batch the rest", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 50 }), (n, size) => {
      const data = numbered(n).normalise({ scale: 1 });
      const batches = [...data.batch(size)];
      expect(batches.map(b => b.length)).toEqual(
        Array.from({ length: Math.ceil(n / size) }, (_, i) => Math.min(size, n - i * size)),
      );
      expect(batches.flatMap(b => [...b.x].filter((_, i) => i % 2 === 0))).toEqual(rows(data));
      expect(batches.flatMap(b => [...b.y])).toEqual([...data.labels()!]);
    }),
  );
  const regression = new Dataset({
    images: new Float32Array(6),
    shape: [2],
    targets: Float32Array.of(1, 2, 3, 4, 5, 6),
  });
  expect([...regression.batch(2)].map(b => [...b.y])).toEqual([
    [1, 2, 3, 4],
    [5, 6],
  ]);
  expect(() => numbered(3).batch(0).next()).toThrow('"batch" expected integer >= 1, got 0');
});

test("Dataset.map is lazy, composes, and may change label and shape", () => {
  let calls = 0;
  const data = numbered(10)
    .normalise({ scale: 1 })
    .map(({ x, y }) => {
      calls++;
      return { x: x.map(v => v + 1), y: 9 - (y as number) };
    })
    .map(({ x, y }) => ({ x: Float32Array.of(x[0]!, x[1]!, x[0]! + x[1]!), y }), { shape: [3, 1] });
  expect(calls).toBe(0);
  const { x, y } = data.take(5).skip(2).row(1);
  expect(calls).toBe(1);
  expect([...x]).toEqual([4, 253, 257]);
  expect(y).toBe(6);
  expect(data.shape).toEqual([3, 1]);
  expect(data.mapped).toBe(true);
  const into = new Float32Array(4);
  data.row(3, into, 1);
  expect([...into]).toEqual([0, 4, 253, 257]);
  expect([...data.batch(10)][0]!.x.length).toBe(30);
  const wrong = numbered(2).map(row => ({ ...row, x: new Float32Array(5) }));
  expect(() => wrong.row(0)).toThrow(/"map" expected a row whose x has 2 numbers \(2\), got Float32Array\(5\)/);
  expect(() => data.normalise({ scale: 1 })).toThrow(TypeError);
  expect(() => data.map(3 as never)).toThrow(TypeError);
});

test("Dataset.normalise stays two numbers: bytes stay bytes", () => {
  const data = numbered(10);
  expect(data.scale).toBe(Math.fround(1 / 255));
  const same = data.normalise({ scale: 2, offset: -1 });
  expect(same.images).toBe(data.images);
  expect([...same.row(3).x]).toEqual([5, 503]);
  const standard = same.normalise({ mean: 5, std: 2 });
  expect([...standard.row(3).x]).toEqual([0, 249]);
  expect(() => data.normalise({ mean: 0, std: 0 })).toThrow('"std" expected finite number > 0, got 0');
  expect(() => data.normalise({ scales: 2 } as never)).toThrow(/no option "scales"/);
  expect(new Dataset({ images: Float32Array.of(0.5), shape: [1], labels: [0] }).scale).toBe(1);
});

test("Dataset.permuteLabels: the same labels over the same images, in another order", () => {
  const data = numbered(1000).skip(100);
  const permuted = data.permuteLabels(1);
  expect(rows(permuted)).toEqual(rows(data));
  const [before, after] = [data.labels()!, permuted.labels()!];
  expect([...after].sort()).toEqual([...before].sort());
  const same = after.filter((label, i) => label === before[i]).length;
  expect(same).toBeGreaterThan(50);
  expect(same).toBeLessThan(140);
  expect([...data.labels()!]).toEqual([...numbered(1000).skip(100).labels()!]);
  const regression = new Dataset({ images: new Float32Array(2), shape: [1], targets: new Float32Array(2) });
  expect(() => regression.permuteLabels(1)).toThrow(TypeError);
});

test("checkLabels: labels out of range name the index", () => {
  const images = new Uint8Array(4);
  expect(() => new Dataset({ images, shape: [1], labels: [0, 1, 10, 2], classes: 10 })).toThrow(
    'labels out of range: "labels[2]" expected integer in 0..9, got 10',
  );
  expect(() => new Dataset({ images, shape: [1], labels: [0, 1, 2, -1] })).toThrow('"labels[3]"');
  expect(() => new Dataset({ images: images.subarray(1, 2), shape: [1], labels: [-1] })).toThrow(
    'labels out of range: "labels[0]" expected integer >= 0, got -1',
  );
  expect(() => new Dataset({ images, shape: [1], labels: [0, 1.5, 2, 0] })).toThrow('"labels[1]"');
  expect(() => new Dataset({ images, shape: [1], labels: [0, 1, NaN, 0], classes: 3 })).toThrow('"labels[2]"');
  expect(() => checkLabels([0, 1, 2], 3)).not.toThrow();
  expect(() => checkLabels([0, 1, 3], 3)).toThrow(RangeError);
});

test("checkFinite finds and names NaN and infinities", () => {
  expect(() => checkFinite("images", Float32Array.of(0, 1, 2, Number.NaN, 4), [2])).toThrow(
    '"images[1][1]" expected finite number, got NaN',
  );
  expect(() => checkFinite("weights", Float32Array.of(0, -Infinity), [])).toThrow('"weights[1]"');
  expect(() => checkFinite("images", Float32Array.of(0, 1), [2])).not.toThrow();
  expect(() => checkFinite("images", new Uint8Array(4), [2])).not.toThrow();
  expect(() => numbered(2).normalise({ scale: Number.NaN })).toThrow('"scale"');
});

test("Dataset names wrong arguments", () => {
  const images = new Uint8Array(8);
  const ok = { images, shape: [2], labels: [0, 1, 2, 3] };
  expect(() => new Dataset(ok)).not.toThrow();
  const wrong: [object, RegExp][] = [
    [{ ...ok, labelz: [] }, /"Dataset" has no option "labelz"/],
    [{ ...ok, images: ["1", 2] }, /"images\[0\]" expected a number, got "1"/],
    [{ ...ok, images: "1234" }, /"images" expected Uint8Array, Int8Array, Float32Array or an array of numbers/],
    [{ ...ok, images: [[1, 2], [3]] }, /"images\[1\]" expected 2 elements, got 1/],
    [{ ...ok, x: images }, /"Dataset" expected x or images, got both/],
    [{ ...ok, shape: [3] }, /"images" expected whole rows of 3, got Uint8Array\(8\)/],
    [{ ...ok, shape: 2 }, /"shape" expected an array/],
    [{ ...ok, shape: [0] }, /"shape" expected integers >= 1/],
    [{ ...ok, labels: [1] }, /"labels" expected 4, one for each row, got 1/],
    [
      { ...ok, labels: Float32Array.of(0, 1, 2, 3) },
      /"labels" expected Uint8Array, Int32Array or an array of integers/,
    ],
    [{ ...ok, labels: "0123" }, /"labels" expected Uint8Array/],
    [{ ...ok, targets: new Float32Array(4) }, /expected either labels or targets, got both/],
    [{ images, shape: [2], targets: new Float32Array(5), targetShape: [1] }, /"targets" expected 4 rows of 1/],
    [{ images, shape: [2], targets: "1234" }, /"targets" expected an array of numbers/],
    [{ ...ok, sampleWeights: [1] }, /"sampleWeights" expected 4/],
    [{ ...ok, sampleWeights: [1, 1, Number.NaN, 1] }, /"sampleWeights\[2\]"/],
    [{ ...ok, classNames: ["a"] }, /"classNames" expected 4 names/],
    [{ ...ok, classes: 0 }, /"classes" expected integer >= 1, got 0/],
    [{ ...ok, scale: "1" }, /"scale" expected finite number/],
  ];
  for (const [options, message] of wrong) expect(() => new Dataset(options as never), String(message)).toThrow(message);
});
