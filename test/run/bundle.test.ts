/** `penjing/run` as published: a single file with all the functions of its source. `npm run build` makes it. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PenjingError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { loadTflite } from "../../src/formats/tflite/index.ts";
import {
  activation,
  averagePool2d,
  batchNormalization,
  conv2d,
  dense,
  depthwiseConv2d,
  elu,
  flatten,
  leakyReLU,
  sequential,
} from "../../src/model/index.ts";
import * as source from "../../src/run/index.ts";
import { answered } from "../formats/tflite/vectors.ts";

const bundle: typeof source = await import(new URL("../../build/run.js", import.meta.url).href);

const VECTORS = "test/vectors";
/** The first case of every operator, in float and in int8. */
const operators = (await answered()).filter(({ name }, i, all) => {
  const kind = (one: string) => one.split(" ", 2).join(" ");
  return all.findIndex(other => kind(other.name) === kind(name)) === i;
});
const networks = [
  ...readdirSync(VECTORS, { recursive: true, encoding: "utf8" })
    .filter(path => path.endsWith(".tflite"))
    .map(path => ({ name: path, file: new Uint8Array(readFileSync(`${VECTORS}/${path}`)) })),
  ...operators.map(({ name, model }) => ({ name, file: model })),
];

/** Inputs as a network takes them: a single one directly, several in a list. */
const alone = <T>(inputs: readonly T[]) => (inputs.length === 1 ? inputs[0]! : inputs);

const part = <T extends Float32Array | Int8Array | Uint8Array>(all: T, i: number, parts: number) =>
  all.slice((i * all.length) / parts, ((i + 1) * all.length) / parts) as T;

type Answer = ArrayLike<number>;

/** Compares element by element: a matcher takes minutes for the 174 447 numbers of one network. */
function expectEqual(got: Answer | readonly Answer[], expected: Answer | readonly Answer[]): void {
  const [a, b] = [got, expected].map(list => (Array.isArray(list) ? list : [list])) as [Answer[], Answer[]];
  expect(a.map(y => [y.constructor.name, y.length])).toEqual(b.map(y => [y.constructor.name, y.length]));
  a.forEach((y, k) => {
    for (let i = 0; i < y.length; i++) if (!Object.is(y[i], b[k]![i])) expect(y[i], `${k}, ${i}`).toBe(b[k]![i]);
  });
}

async function expectSame(file: Uint8Array<ArrayBuffer>): Promise<void> {
  const [ours, theirs] = [await source.load(file), await bundle.load(file)];
  const random = new Random(1);
  const images = 9; // float networks run eight side by side, then one
  const x = ours.inputs.map(({ shape, dtype }) => {
    const length = images * size(shape);
    if (dtype === "i8") return Int8Array.from({ length }, () => random.integer(256) - 128);
    if (dtype === "u8") return Uint8Array.from({ length }, () => random.integer(256));
    return Float32Array.from({ length }, () => random.uniform(-1, 1));
  });
  expectEqual(theirs.run(alone(x)), ours.run(alone(x)));
  expectEqual(theirs.predict(alone(x)), ours.predict(alone(x)));
  const each = Array.from({ length: images }, (_, i) => alone(x.map(all => part(all, i, images))));
  expectEqual(theirs.predictBatch(each).flat(), ours.predictBatch(each).flat());
  const top = 100;
  expect(theirs.classify(each.at(-1)!, { top })).toEqual(ours.classify(each.at(-1)!, { top }));
  expect(theirs.inputs).toEqual(ours.inputs);
  for (const [i, { view, ...port }] of ours.outputs.entries()) {
    const other = theirs.outputs[i]!;
    expect({ ...other, view: undefined }).toEqual({ ...port, view: undefined });
    expectEqual(other.view, view);
  }
  expect(theirs.arena).toEqual(ours.arena);
}

test("Net.create refuses the graph of another copy", async () => {
  const { graph } = await loadTflite(networks[0]!.file);
  await expect(bundle.Net.create(graph)).rejects.toThrow('"graph" expected a graph made by this copy of the library');
});

test.each(networks)("$name: the same answers", async ({ file }) => {
  await expectSame((await loadTflite(file)).toBytes());
});

test("load: a float network of many layers gives the same results", async () => {
  const layers = [
    conv2d({ filters: 5, kernelSize: 3, strides: 2, padding: "same", inputShape: [13, 11, 3] }),
    batchNormalization(),
    leakyReLU(),
    depthwiseConv2d({ kernelSize: 3 }),
    elu(),
    averagePool2d({ poolSize: 2, strides: 1 }),
    activation("sigmoid"),
    flatten(),
    dense({ units: 7, activation: "tanh" }),
    dense({ units: 4, activation: "softmax" }),
  ];
  await expectSame(sequential(layers, { seed: 1 }).toBytes());
});

test("penjing/run exports the same names as its source", () => {
  expect(Object.keys(bundle).sort()).toEqual(Object.keys(source).sort());
});

test("PenjingError: an error of one copy is an instance of the class of the other", async () => {
  const theirs = await bundle.load("no/such/file").catch(error => error);
  expect(theirs).toBeInstanceOf(PenjingError);
  expect(theirs.code).toBe("missing");
  expect(theirs.path).toBe("no/such/file");
  expect(theirs.name).toBe("PenjingError");
  expect(new PenjingError("missing", "")).toBeInstanceOf(bundle.PenjingError);
  for (const other of [new Error("PenjingError"), { name: "PenjingError" }, "PenjingError", undefined, null])
    expect(other instanceof bundle.PenjingError).toBe(false);
});

test("forceVariant affects both copies", () => {
  if (!source.supported().relaxed) return;
  const chosen = source.chooseVariant();
  const other = chosen === "simd" ? "relaxed" : "simd";
  try {
    bundle.forceVariant(other);
    expect(source.chooseVariant()).toBe(other);
  } finally {
    source.forceVariant(undefined);
  }
  expect(bundle.chooseVariant()).toBe(chosen);
});

test("load: options that do not exist are still refused by name", async () => {
  await expect(bundle.load("x", { warmup: true } as object)).rejects.toThrow(
    '"options" has no option "warmup"; it knows capacity',
  );
});

test("load: the published file refuses preprocessing that does not fit the network, as its source does", async () => {
  const inputs = sequential([flatten({ inputShape: [2, 2, 1] })]);
  const file = (preprocessing: object) => inputs.toBytes({ preprocessing: preprocessing as never });
  const wrong = [{ mean: [1, 2, 3] }, { std: [0] }, { scale: "x" }, { layout: "XY" }, { zzz: 1 }];
  for (const { load } of [source, bundle])
    for (const preprocessing of wrong) {
      const what = JSON.stringify(preprocessing);
      // a wrong option is the caller's error, a wrong value in a file the file's
      await expect(load(file({}), { preprocessing } as object), what).rejects.toThrow(/^"preprocessing/);
      const made = (() => {
        try {
          return file(preprocessing);
        } catch {
          return undefined; // models do not save it
        }
      })();
      if (made) await expect(load(made), what).rejects.toMatchObject({ code: "damaged" });
    }
});
