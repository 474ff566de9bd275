// The pages of web/ as users have them: unbundled, under a strict policy, isolated, and through bundlers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as esbuild from "esbuild";
import * as vite from "vite";
import { ISOLATION, POLICY, serve } from "./serve.mjs";

const PAGES = ["index.html", "by-name.html", "in-worker.html"];

/** Each bundles by-name.js and its imports into a folder to be served; returns that folder. */
const BUNDLERS = {
  async Vite(app) {
    await vite.build({ root: app, logLevel: "warn" });
    return join(app, "dist");
  },
  async esbuild(app) {
    const files = { entryPoints: ["by-name.js"], outfile: "by-name.js", allowOverwrite: true };
    await esbuild.build({ ...files, absWorkingDir: app, bundle: true, format: "esm", minify: true });
    return app;
  },
  async webpack(app) {
    const options = [
      "--mode",
      "production",
      "--entry",
      "./by-name.js",
      "--output-path",
      ".",
      "--output-filename",
      "by-name.js",
    ];
    npx(app, "webpack", ...options);
    return app;
  },
  async Rollup(app) {
    npx(app, "rollup", "by-name.js", "--plugin", "node-resolve", "--file", "by-name.js");
    return app;
  },
};

/** Package versions of the bundlers that are not dependencies of the library. */
const PACKAGES = ["webpack@5", "webpack-cli@6", "rollup@4", "@rollup/plugin-node-resolve@16"];

function npx(folder, command, ...args) {
  try {
    execFileSync("npx", ["--no-install", command, ...args], { cwd: folder, encoding: "utf8", stdio: "pipe" });
  } catch ({ stdout, stderr }) {
    throw new Error(`${[command, ...args].join(" ")}\n${stdout}${stderr}`);
  }
}

/**
 * Copies the pages into `folder`, which has the library and the network; returns the folders of the bundlers, by name.
 */
export async function layPages(folder) {
  cpSync("web", folder, { recursive: true });
  execFileSync("npm", ["install", "--no-save", ...PACKAGES], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const bundled = {};
  for (const [name, bundle] of Object.entries(BUNDLERS)) {
    const app = join(folder, name);
    mkdirSync(join(app, "public"), { recursive: true });
    for (const file of ["by-name.js", "paper.js", "paper.css", "digits.penjing"])
      cpSync(join(folder, file), join(app, file));
    cpSync(join(folder, "digits.penjing"), join(app, "public", "digits.penjing")); // the folder that Vite copies
    writeFileSync(join(app, "index.html"), readFileSync("web/index.html", "utf8").replace("by-path.js", "by-name.js"));
    bundled[name] = await bundle(app);
  }
  return bundled;
}

/** Draws a one on the page at `url` and waits until the page shows it. */
async function draw(browser, url) {
  const page = await browser.newPage();
  const trouble = [];
  page.on("pageerror", error => trouble.push(error.message));
  page.on("console", message => {
    const icon = message.location().url?.endsWith("/favicon.ico"); // requested by Chromium, but not part of any page
    if (message.type() === "error" && !icon) trouble.push(message.text());
  });
  page.on("requestfailed", request => trouble.push(`${request.url()}: ${request.failure()?.errorText}`));
  try {
    await page.goto(url);
    const box = await (await page.waitForSelector("canvas")).boundingBox();
    const at = share => [box.x + box.width / 2, box.y + box.height * share];
    const said = () => page.$eval("output", output => output.textContent);
    const late = Date.now() + 20_000;
    // a page listens once its network is loaded: earlier strokes are lost
    while (!(await said()) && !trouble.length && Date.now() < late) {
      await page.mouse.move(...at(0.2));
      await page.mouse.down();
      for (let share = 0.2; share <= 0.8; share += 0.1) await page.mouse.move(...at(share));
      await page.mouse.up();
    }
    assert.deepEqual(trouble, [], url);
    assert.match(await said(), /^1 \(\d+ %\)$/, url);
    return await page.evaluate(() => crossOriginIsolated);
  } finally {
    await page.close();
  }
}

/** Tests every page, in every way, in one browser. */
export async function tryPages(browser, folder, bundled) {
  const at = async (root, headers, pages, isolated = false) => {
    const { url, close } = await serve(root, headers);
    for (const page of pages) assert.equal(await draw(browser, `${url}/${page}`), isolated, page);
    close();
  };
  await at(folder, {}, PAGES);
  await at(folder, ISOLATION, PAGES, true);
  // an inline import map needs a hash of its own under a policy
  const underPolicy = PAGES.filter(page => page !== "by-name.html");
  await at(folder, POLICY, underPolicy);
  console.log(`  ${PAGES.join(", ")}: plain and cross-origin isolated`);
  console.log(`  ${underPolicy.join(", ")}: under ${POLICY["content-security-policy"]}`);
  for (const root of Object.values(bundled)) await at(root, POLICY, ["index.html"]);
  console.log(`  by-name.js through ${Object.keys(bundled).join(", ")}, under the same policy`);

  const server = await vite.createServer({
    root: join(folder, "Vite"),
    logLevel: "warn",
    server: { host: "127.0.0.1" },
  });
  await server.listen();
  await draw(browser, server.resolvedUrls.local[0]);
  await server.close();
  console.log("  by-name.js from Vite's development server");
}
