import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const { scripts, version } = JSON.parse(readFileSync("package.json", "utf8"));

/** The command line that runs a script. */
const command = (name: string): string => (name === "start" || name === "test" ? `npm ${name}` : `npm run ${name}`);

test("package.json: CONTRIBUTING.md has a row for each script", () => {
  const rows = readFileSync("CONTRIBUTING.md", "utf8").matchAll(/^\| `(npm [^`]*)` \|/gm);
  expect([...rows].map(([, row]) => row!).sort()).toEqual(Object.keys(scripts).map(command).sort());
});

test("package.json: every script that a page names is there", () => {
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    ...readdirSync("docs")
      .filter(name => name.endsWith(".md"))
      .map(name => `docs/${name}`),
  ];
  const named = pages.flatMap(page =>
    [...readFileSync(page, "utf8").matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => name!),
  );
  expect(named.filter(name => !(name in scripts))).toEqual([]);
});

test("CHANGELOG.md begins with the version of package.json", () => {
  expect(readFileSync("CHANGELOG.md", "utf8").match(/^## (\S+)/m)?.[1]).toBe(version);
});
