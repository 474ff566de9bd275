/** Checks that a page or picture of the library is well-formed and loads nothing. */
import { expect } from "vitest";

/** Elements that HTML leaves open. */
const VOID = ["meta", "!doctype", "br", "link"];

/** Checks that every element is closed, in the right order, and that attributes are quoted. */
export function expectWellFormed(text: string): void {
  const open: string[] = [];
  const outside = text
    .replace(/<style>[^<]*<\/style>/g, "")
    .replace(/<(\/?)([!\w-]+)([^<>]*)>/g, (_, close, name, rest) => {
      if (close) expect(open.pop(), `</${name}>`).toBe(name);
      else if (!VOID.includes(name) && !rest.endsWith("/")) open.push(name);
      if (name !== "!doctype") expect(rest.replace(/\s*\/?$/, "")).toMatch(/^(\s+[\w:-]+="[^"]*")*$/);
      return "";
    });
  expect(open).toEqual([]);
  expect(outside).not.toMatch(/[<>]/);
  expect(outside).not.toMatch(/&(?!(amp|lt|gt|quot|#\d+);)/);
}

/** Checks that nothing is loaded, nothing runs, and the file is smaller than 300 kB. */
export function expectSelfContained(text: string): void {
  expectWellFormed(text);
  const tags = (text.match(/<[^<>]*>/g) ?? []).map(tag => tag.replaceAll(/"[^"]*"/g, '""')).join("");
  expect(tags).not.toMatch(/\son\w+=|<(script|link|img|iframe|object)/i);
  expect(text.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|url\(|@import/i);
  expect(text).toContain("prefers-color-scheme:dark");
  expect(new TextEncoder().encode(text).length).toBeLessThan(300_000);
}
