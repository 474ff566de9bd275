/**
 * Mistakes of users, each once through the public names: one clear error that names the thing, and existing files
 * unchanged. Every truncation and every altered byte: test/container/container.test.ts, test/data/idx.test.ts. Every
 * option: the suites of the functions that take them. Exit codes and lines of the command: test/cli. A full disk under
 * every way of saving: test/container/save-file.test.ts.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { afterAll, describe, expect, test } from "vitest";
import { Dataset, mnist, readIdx } from "../src/data/index.ts";
import {
  adam,
  conv2d,
  dense,
  flatten,
  lenet5,
  loadModel,
  pruneLowMagnitude,
  quantizeStatic,
  sequential,
} from "../src/index.ts";
import { load } from "../src/run/index.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-wrong-"));
afterAll(() => rmSync(folder, { recursive: true }));

const inFolder = (name: string, bytes: Uint8Array | string): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

const failure = async (what: () => unknown): Promise<Error> => {
  try {
    await what();
  } catch (error) {
    expect((error as Error).message, "an error is one line").not.toContain("\n");
    return error as Error;
  }
  throw new Error("nothing was refused");
};

/** Twelve images of 28x28x1 with labels 0..9. */
const digits = (change: { images?: Float32Array; labels?: number[] } = {}): Dataset =>
  new Dataset({
    images: new Float32Array(12 * 784),
    shape: [28, 28, 1],
    labels: Array.from({ length: 12 }, (_, i) => i % 10),
    classes: 10,
    ...change,
  });

const bytes = lenet5({ seed: 1 }).toBytes();

/** Large arrays are compared in one call, which is fast. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Both ways to load a model. */
const loaders = { load, loadModel };

describe.each(Object.entries(loaders))("a model file, by %s", (_, loading) => {
  test("that is truncated", async () => {
    const path = inFolder("truncated.penjing", bytes.subarray(0, 1000));
    expect(await failure(() => loading(path))).toMatchObject({
      name: "PenjingError",
      code: "truncated",
      path,
      offset: expect.any(Number),
      message: expect.stringContaining(path),
    });
    expect(same(readFileSync(path), bytes.subarray(0, 1000))).toBe(true);
  });

  test("that was altered", async () => {
    const altered = bytes.slice();
    altered[5000]! ^= 1;
    const path = inFolder("altered.penjing", altered);
    expect(await failure(() => loading(path))).toMatchObject({
      name: "PenjingError",
      code: "checksum",
      path,
      message: expect.stringContaining(path),
    });
    expect(same(readFileSync(path), altered)).toBe(true);
  });

  test("that is something else", async () => {
    const path = inFolder("picture.png", "\x89PNG\r\n\x1a\n and so on");
    expect(await failure(() => loading(path))).toMatchObject({ name: "PenjingError", code: "magic", path, offset: 0 });
  });

  test("that is not there", async () => {
    const path = join(folder, "nowhere.penjing");
    expect(await failure(() => loading(path))).toMatchObject({
      name: "PenjingError",
      code: "missing",
      path,
      message: `cannot read ${JSON.stringify(path)}: there is no such file`,
    });
  });

  test("an unknown option", async () => {
    expect(await failure(() => loading(bytes, { cache: true } as never))).toMatchObject({
      name: "TypeError",
      message: expect.stringContaining('has no option "cache"'),
    });
  });
});

describe("readIdx, mnist and Dataset: wrong data", () => {
  test("an IDX file with the wrong magic", async () => {
    const path = inFolder("train-images-idx3-ubyte", Buffer.from("not images at all"));
    expect(await failure(() => readIdx(path))).toMatchObject({
      name: "PenjingError",
      code: "magic",
      path,
      offset: 0,
      message: expect.stringContaining(path),
    });
    for (const name of ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
      inFolder(name, Buffer.from("nor these"));
    expect(await failure(() => mnist({ path: folder }))).toMatchObject({ name: "PenjingError", code: "magic" });
  });

  test("a missing file, or folder", async () => {
    const path = join(folder, "nowhere");
    expect(await failure(() => readIdx(path))).toMatchObject({ name: "PenjingError", code: "missing", path });
    expect(await failure(() => mnist({ path }))).toMatchObject({
      name: "PenjingError",
      code: "missing",
      message: expect.stringContaining(path),
    });
  });

  test("labels out of range, where the data set is made and where a model has fewer classes", async () => {
    const labels = Array.from({ length: 12 }, () => 3);
    labels[7] = 10;
    expect(await failure(() => digits({ labels }))).toMatchObject({
      name: "RangeError",
      message: 'Dataset: labels out of range: "labels[7]" expected integer in 0..9, got 10',
    });
    const two = sequential([flatten({ inputShape: [28, 28, 1] }), dense({ units: 2 })]);
    for (const [name, using] of [
      ["fit", () => two.fit(digits())],
      ["evaluate", () => two.evaluate(digits())],
    ] as const)
      expect(await failure(using)).toMatchObject({
        name: "RangeError",
        message: `${name}: labels out of range: "labels[2]" expected integer in 0..1, got 2`,
      });
  });

  test("NaN in the images: the row is named, and the weights are as they were", async () => {
    const images = new Float32Array(12 * 784);
    images[5 * 784 + 30] = NaN;
    const model = lenet5({ seed: 1 });
    const broken = digits({ images });
    for (const [name, using] of [
      ["fit", () => model.fit(broken)],
      ["evaluate", () => model.evaluate(broken)],
    ] as const)
      expect(await failure(using)).toMatchObject({
        name: "RangeError",
        message: `${name}: "x[5][30]" expected finite number, got NaN`,
      });
    expect(await failure(() => quantizeStatic(model, { calibration: broken }))).toMatchObject({
      name: "RangeError",
      message: expect.stringMatching(/\[5\].*expected finite number, got NaN/),
    });
    expect(same(model.toBytes(), bytes)).toBe(true);
  });

  test("NaN in weights that are set", async () => {
    const model = lenet5({ seed: 1 });
    expect(
      await failure(() => model.setWeights({ "dense_2/bias": { data: new Float32Array(10).fill(NaN) } })),
    ).toMatchObject({
      name: "RangeError",
      message: 'setWeights: "dense_2/bias[0]" expected finite number, got NaN',
    });
    expect(same(model.toBytes(), bytes)).toBe(true);
  });
});

describe("Model.fit, predict and others: a wrong shape", () => {
  const small = new Dataset({ images: new Uint8Array(64 * 3), shape: [8, 8, 1], labels: [0, 1, 2] });
  const model = lenet5({ seed: 1 });
  const both = (error: Error) => {
    expect(error.name).toBe("RangeError");
    expect(error.message).toContain("28x28x1");
    expect(error.message).toMatch(/8x8x1|64/);
  };

  test("of images, wherever they are used", async () => {
    both(await failure(() => model.fit(small)));
    both(await failure(() => model.fit(digits(), { validation: small })));
    both(await failure(() => model.evaluate(small)));
    both(await failure(() => model.predict(small)));
    both(await failure(() => model.predict(new Uint8Array(64))));
    both(await failure(() => quantizeStatic(model, { calibration: small })));
    const net = await load(bytes);
    both(await failure(() => net.predict(new Uint8Array(64))));
  });

  test("of layers: the layer is named when the model is built", async () => {
    const build = () => sequential([conv2d({ filters: 4, kernelSize: 9, inputShape: [8, 8, 1] })]);
    expect(await failure(build)).toMatchObject({ name: "RangeError", message: expect.stringMatching(/"conv2d".*8x8/) });
  });
});

test("penjing: an unknown option is named, with those there are", async () => {
  const model = lenet5();
  const wrong = { learningRate: 1 } as never;
  for (const using of [
    () => lenet5(wrong),
    () => sequential([flatten({ inputShape: [2], ...(wrong as object) } as never)]),
    () => model.fit(digits(), wrong),
    () => model.evaluate(digits(), wrong),
    () => model.save(join(folder, "never.penjing"), wrong),
    () => adam(1e-3, wrong),
    () => pruneLowMagnitude(model, wrong),
    () => quantizeStatic(model, { calibration: digits(), ...(wrong as object) }),
    () => mnist(wrong),
    () => new Dataset(wrong),
  ])
    expect(await failure(using)).toMatchObject({
      name: "TypeError",
      message: expect.stringMatching(/has no option "learningRate"; it knows .+/),
    });
  expect(readdirSync(folder)).not.toContain("never.penjing");
});

test.skipIf(process.platform === "win32")("Model.save: a full disk leaves the old file as it was", async () => {
  const home = join(folder, "full");
  mkdirSync(home);
  const path = join(home, "model.penjing");
  writeFileSync(path, bytes);
  const program = join(folder, "saving.mjs");
  buildSync({
    stdin: {
      contents: `
        import { lenet5 } from ${JSON.stringify(resolve("src/index.ts"))};
        try {
          await lenet5({ seed: 2 }).save(process.argv[2]);
        } catch ({ name, code, path, message }) {
          console.log(JSON.stringify({ name, code, path, message }));
        }`,
      resolveDir: resolve("."),
    },
    outfile: program,
    bundle: true,
    format: "esm",
    platform: "node",
  });
  // `ulimit -f` limits files of this process to 16 blocks of 512 or 1024 bytes: the operating system fails a write
  // half-way.
  const limited = ["-c", 'ulimit -f 16 && exec "$0" "$@"', process.execPath, program, path];
  const { stdout } = await promisify(execFile)("sh", limited);
  expect(JSON.parse(stdout)).toEqual({
    name: "PenjingError",
    code: "unwritable",
    path,
    message: `cannot save ${JSON.stringify(path)}: the file would be larger than is allowed`,
  });
  expect(same(readFileSync(path), bytes)).toBe(true);
  expect(readdirSync(home)).toEqual(["model.penjing"]);
});
