// Starts the browsers of the system, headless: Debian's chromium and firefox-esr, or those that CHROMIUM and FIREFOX name.
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";

const KINDS = {
  chrome: {
    variable: "CHROMIUM",
    paths: ["/usr/bin/chromium", "/usr/bin/google-chrome"],
    debian: "chromium",
    args: [
      "--no-sandbox", // root has none
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  },
  firefox: {
    variable: "FIREFOX",
    paths: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
    debian: "firefox-esr",
    args: [],
  },
};

export const BROWSERS = Object.keys(KINDS);

export function launch(browser) {
  const { variable, paths, debian, args } = KINDS[browser];
  const executablePath = process.env[variable] ?? paths.find(existsSync);
  if (!executablePath) throw new Error(`no ${browser}: install the package ${debian}, or name one in ${variable}`);
  return puppeteer.launch({ browser, executablePath, args, headless: true });
}
