import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const PAGES = [".", "assembly", "docs", "examples", "web"].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith(".md"))
    .map(name => join(folder, name)),
);

/** Paths that are not in a clone: build output, and paths shown as a pattern. */
const elsewhere = (path: string): boolean => path.startsWith("build/") || /[<*{]/.test(path);

test.each(PAGES)("files that %s names are there", page => {
  const text = readFileSync(page, "utf8").replaceAll(/^```[\s\S]*?^```$/gm, "");
  const named = [
    ...text.matchAll(/`((?:\.ci|assembly|bench|build|docs|examples|scripts|src|test|web)\/[^`\s]*)`/g),
  ].map(([, path]) => path!);
  const linked = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
    .map(([, path]) => path!)
    .filter(path => !/^[a-z]+:/.test(path));
  const files = [...named, ...linked.map(path => join(dirname(page), path))];
  expect(files.filter(path => !elsewhere(path) && !existsSync(path))).toEqual([]);
});

test.each(PAGES)("headings that links within %s lead to are there", page => {
  const text = readFileSync(page, "utf8");
  for (const [, file, heading] of text.matchAll(/\]\(([^)#\s]*)#([^)]+)\)/g)) {
    const target = file ? readFileSync(join(dirname(page), file), "utf8") : text;
    const headings = [...target.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, "")
        .replaceAll(/\s/g, "-"),
    );
    expect(headings).toContain(heading);
  }
});
