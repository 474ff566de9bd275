// Serves the installed tarball on 127.0.0.1 to a headless Chromium, under a Content-Security-Policy that allows WebAssembly and no eval.
import assert from "node:assert/strict";
import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
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
  });
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
