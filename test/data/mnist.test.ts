import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { fashionMnist, mnist } from "../../src/data/mnist.ts";
import { crc32 } from "../../src/kernels/bits.ts";

const root = mkdtempSync(join(tmpdir(), "penjing-mnist-"));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => {
  delete process.env.PENJING_MNIST;
});

/** A folder of four small files: `train` and `held` rows of 2 x 3 pixels. */
function folder({
  train = 5,
  held = 3,
  labels = 5,
  dot = false,
  gzip = false,
}: {
  train?: number;
  held?: number;
  labels?: number;
  dot?: boolean;
  gzip?: boolean;
} = {}): string {
  const path = mkdtempSync(join(root, "f-"));
  const put = (name: string, bytes: Buffer) =>
    writeFileSync(join(path, gzip ? `${name}.gz` : name), gzip ? gzipSync(bytes) : bytes);
  const images = (n: number) =>
    Buffer.from([0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 2, 0, 0, 0, 3, ...new Uint8Array(n * 6).fill(n)]);
  const classes = (n: number) => Buffer.from([0, 0, 8, 1, 0, 0, 0, n, ...Array.from({ length: n }, (_, i) => i % 10)]);
  const mark = dot ? "." : "-";
  put(`train-images${mark}idx3-ubyte`, images(train));
  put(`train-labels${mark}idx1-ubyte`, classes(labels));
  put(`t10k-images${mark}idx3-ubyte`, images(held));
  put(`t10k-labels${mark}idx1-ubyte`, classes(held));
  return path;
}

describe("mnist from the development package", () => {
  test("counts, first labels, class counts and every pixel", async () => {
    const { train, test: held } = await mnist();
    expect([train.length, held.length, train.classes]).toEqual([60000, 10000, 10]);
    expect(train.shape).toEqual([28, 28, 1]);
    expect([...train.take(10).labels()!]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...held.take(10).labels()!]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    // The frequency of each digit, as published for the training set.
    const counts = new Array(10).fill(0);
    for (const label of train.labels()!) counts[label]++;
    expect(counts).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    // Mean 0.1307 and standard deviation 0.3081 are the usual figures for normalizing MNIST.
    let sum = 0;
    let squares = 0;
    for (const pixel of train.images) {
      sum += pixel;
      squares += pixel * pixel;
    }
    const mean = sum / train.images.length / 255;
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(Math.sqrt(squares / train.images.length / 65025 - mean * mean)).toBeCloseTo(0.3081, 4);
    expect([train, held].map(d => crc32(d.images as Uint8Array).toString(16))).toMatchInlineSnapshot(`
      [
        "f3639b56",
        "e4ca5f57",
      ]
    `);
  });
});

test("mnist: raw and gzipped folders, both spellings", async () => {
  for (const dot of [false, true])
    for (const gzip of [false, true]) {
      const { train, test: held } = await mnist({ path: folder({ dot, gzip }) });
      expect([train.length, held.length]).toEqual([5, 3]);
      expect(train.shape).toEqual([2, 3, 1]);
      expect([...train.stored(0)]).toEqual([5, 5, 5, 5, 5, 5]);
      expect([...held.labels()!]).toEqual([0, 1, 2]);
    }
});

test("mnist: the variable PENJING_MNIST names a folder, and `path` takes precedence", async () => {
  process.env.PENJING_MNIST = folder({ train: 7, labels: 7 });
  expect((await mnist()).train.length).toBe(7);
  expect((await mnist({ path: folder({ train: 6, labels: 6 }) })).train.length).toBe(6);
});

test("mnist by URL: a folder on a server, or the place of each file", async () => {
  const path = folder({ gzip: true });
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(path, request.url!.slice("/data/".length))));
    } catch {
      response.writeHead(request.url!.includes("broken") ? 500 : 404).end();
    }
  }).listen(0, "127.0.0.1");
  await new Promise(resolve => server.once("listening", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    expect((await mnist({ urls: `${base}/data` })).train.length).toBe(5);
    expect((await mnist({ urls: new URL(`${base}/data/`) })).test.length).toBe(3);
    await expect(mnist({ urls: `${base}/elsewhere` })).rejects.toMatchObject({ code: "missing" });
    await expect(mnist({ urls: `${base}/broken` })).rejects.toMatchObject({ code: "unreadable" });
    const urls = {
      trainImages: `${base}/data/train-images-idx3-ubyte.gz`,
      trainLabels: new URL(`${base}/data/train-labels-idx1-ubyte.gz`),
      testImages: new Blob([readFileSync(join(path, "t10k-images-idx3-ubyte.gz"))]),
      testLabels: readFileSync(join(path, "t10k-labels-idx1-ubyte.gz")),
    };
    expect((await mnist({ urls })).test.length).toBe(3);
    await expect(mnist({ urls: { ...urls, testLabel: "x" } as never })).rejects.toThrow(/"urls" expected one of/);
  } finally {
    server.close();
  }
});

test("mnist: labels and images that do not belong together", async () => {
  const path = folder({ train: 5, labels: 4 });
  await expect(mnist({ path })).rejects.toMatchObject({
    name: "PenjingError",
    code: "size-mismatch",
    path: join(path, "train-labels-idx1-ubyte"),
    message: expect.stringMatching(/has 5 images but .* has 4 labels/),
  });
  const swapped = folder();
  copyFileSync(join(swapped, "train-images-idx3-ubyte"), join(swapped, "train-labels-idx1-ubyte"));
  await expect(mnist({ path: swapped })).rejects.toMatchObject({ code: "size-mismatch" });
  const wide = folder();
  writeFileSync(join(wide, "train-labels-idx1-ubyte"), Buffer.from([0, 0, 8, 1, 0, 0, 0, 5, 0, 1, 2, 11, 4]));
  await expect(mnist({ path: wide })).rejects.toThrow(
    'labels out of range: "labels[3]" expected integer in 0..9, got 11',
  );
});

test("mnist: without data, one line says how to get it", async () => {
  await expect(mnist({ path: root })).rejects.toMatchObject({
    code: "missing",
    path: join(root, "train-images-idx3-ubyte"),
    message: expect.stringContaining("train-images-idx3-ubyte.gz"),
  });
  const previous = process.cwd();
  process.env.PENJING_MNIST = join(root, "nowhere");
  await expect(mnist()).rejects.toMatchObject({ code: "missing", message: expect.stringContaining("nowhere") });
  expect(process.cwd()).toBe(previous);
  await expect(mnist({ folder: root } as never)).rejects.toThrow(/"mnist" has no option "folder"/);
  await expect(mnist({ path: root, urls: "http://x" })).rejects.toThrow(TypeError);
});

test("fashionMnist reads the same format", async () => {
  const { train } = await fashionMnist({ path: folder({ gzip: true }) });
  expect(train.classNames?.[9]).toBe("Ankle boot");
  if (!process.env.PENJING_FASHION_MNIST)
    await fashionMnist().then(
      ({ train, test: held }) => expect([train.length, held.length]).toEqual([60000, 10000]),
      error =>
        expect(error).toMatchObject({ code: "missing", message: expect.stringContaining("dataset-fashion-mnist") }),
    );
});
