// Lets vitest run tests in the browsers of the system: puppeteer opens the page in which vitest runs them.
import { defineBrowserProvider } from "@vitest/browser";
import { launch } from "./launch.mjs";

class Puppeteer {
  name = "puppeteer";
  supportsParallelism = false;
  #project;
  #browser;

  constructor(project) {
    this.#project = project;
  }

  async openPage(_session, url) {
    this.#browser ??= launch(this.#project.config.browser.name);
    const page = await (await this.#browser).newPage();
    await page.goto(url);
  }

  getCommandsContext() {
    return {};
  }

  async close() {
    await (await this.#browser)?.close();
  }
}

export const inBrowsers = defineBrowserProvider({
  name: "puppeteer",
  supportedBrowser: ["chrome", "firefox"],
  providerFactory: project => new Puppeteer(project),
});
