/**
 * Titles of tests contain the name of their subject, so that it can be searched for: a function, class, op, kernel
 * family, command or file.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as penjing from "../src/index.ts";
import { FAMILIES } from "../src/kernels/table.ts";
import * as run from "../src/run/index.ts";

const COMMANDS = readdirSync("src/cli").map(file => file.replace(/\.ts$/, ""));
/** Names that every test may use: all exported ones, but for internal ones that are English words. */
const EVERYWHERE = [
  "penjing",
  ...Object.keys({ ...penjing, ...run, ...FAMILIES }),
  ...sources("src")
    .flatMap(file => [...readFileSync(file, "utf8").matchAll(/^export (?:async |abstract )?\w+ (\w+)/gm)])
    .map(([, name]) => name!)
    .filter(name => /[A-Z_]/.test(name)),
];

function sources(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.filter(file => file.endsWith(".ts")).map(file => `${folder}/${file}`);
}

/** The names that a file imports from the project or declares as functions. */
function namesIn(text: string): string[] {
  const imports = text.matchAll(/^import ([^;]*?) from "\.[^"]*"/gms);
  const functions = text.matchAll(/^(?:async )?function (\w+)/gm);
  return [...[...imports].flatMap(([, list]) => list!.match(/\w+/g)!), ...[...functions].map(([, name]) => name!)];
}

/** The titles of the tests and describes at the top level: the first argument, or that of what `each` returns. */
function titlesIn(text: string): string[] {
  const statements = text.split(/\n(?=\w)/).filter(statement => /^(describe|test|overVariants)\b/.test(statement));
  return statements.map(s => /(?:^[\w.]+\(|\)\()\s*(["'`])(.*?)\1/.exec(s)?.[2] ?? s.slice(0, 60));
}

const isPath = (title: string): boolean => /[\w-]\.(ts|md|json|grit|mjs|wasm)\b/.test(title);
const isFilledIn = (title: string): boolean => /%s|\$\w|\$\{/.test(title);

/** The titles of a file that do not name what is tested. */
function unnamed(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const names = new Set([...EVERYWHERE, ...namesIn(text), ...(file.startsWith("test/cli/") ? COMMANDS : [])]);
  const isNamed = (title: string): boolean => title.match(/[\w-]+/g)!.some(word => names.has(word));
  return titlesIn(text).filter(title => !isNamed(title) && !isPath(title) && !isFilledIn(title));
}

test("unnamed: there is no title without the name of what it tests", () => {
  const files = sources("test").filter(file => file.endsWith(".test.ts"));
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap(file => unnamed(file).map(title => `${file}: ${title}`))).toEqual([]);
});

test("titlesIn finds titles of each and of several lines", () => {
  const text = 'describe("a", () => {});\ntest.each([\n  [1],\n])("b %i", n => {});\ntest(\n  "c",\n  () => {},\n);';
  expect(titlesIn(text)).toEqual(["a", "b %i", "c"]);
});
