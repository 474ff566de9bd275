// Starts the browsers of the system, headless: Debian's chromium and firefox-esr, or those that CHROMIUM and FIREFOX
// name.
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";

const KINDS = {
  chrome: {
    variable: "CHROMIUM",
    paths: ["/usr/bin/chromium", "/usr/bin/google-chrome"],
    debian: "chromium",
    args: [
      "--no-sandbox", // required for root
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
    // the instructions that V8 uses for vectors
    withoutSimd: ["--js-flags=--no-enable-sse4-1"],
  },
  firefox: {
    variable: "FIREFOX",
    paths: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
    debian: "firefox-esr",
    args: [],
  },
};

export const BROWSERS = Object.keys(KINDS);

/** Browsers that can disable SIMD in WebAssembly, like old ones without it. */
export const WITHOUT_SIMD = BROWSERS.filter(browser => KINDS[browser].withoutSimd);

export function launch(browser, { simd = true } = {}) {
  const { variable, paths, debian, args, withoutSimd } = KINDS[browser];
  const executablePath = process.env[variable] ?? paths.find(existsSync);
  if (!executablePath) throw new Error(`no ${browser}: install the package ${debian}, or name one in ${variable}`);
  return puppeteer.launch({ browser, executablePath, headless: true, args: simd ? args : [...args, ...withoutSimd] });
}
