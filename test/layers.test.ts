import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

/**
 * docs/architecture.md, "The layer rule": a folder imports from rows above its own; those in one row never from each
 * other.
 */
const LAYERS = [
  ["base"],
  ["kernels"],
  ["graph"],
  ["ops"],
  ["passes", "plan", "container"],
  ["run"],
  ["data"],
  ["train"],
  ["model"],
  ["compress", "formats", "models"],
  ["report"],
  ["cli", "index"],
];
const level = (layer: string): number => LAYERS.findIndex(row => row.includes(layer));

/** The first folder below src; "index" for src/index.ts; "build" for generated files. */
const layerOf = (file: string): string => {
  const [root, first] = file.split("/");
  return root === "build" ? "build" : first!.replace(/\.ts$/, "");
};

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter(file => file.endsWith(".ts"))
  .map(file => `src/${file}`);

/** Every import and export ... from with a relative path, including types. */
function importsOf(file: string, text = readFileSync(file, "utf8")): string[] {
  const lines = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;"']*?\bfrom\s*["'](\.[^"']+)["']|\bimport\(\s*["'](\.[^"']+)["']\s*\)/g,
  );
  return [...lines].map(([, stated, dynamic]) => relative(".", join(dirname(file), stated ?? dynamic!)));
}

/** Describes why `file` may not import `target`; undefined if it may. */
function breach(file: string, target: string): string | undefined {
  const [from, to] = [layerOf(file), layerOf(target)];
  if (from === to) return undefined;
  if (to === "build")
    return from === "kernels" || (from === "ops" && target === "build/op-tables.ts")
      ? undefined
      : `${file} imports ${target}: only kernels and the tables of ops read what is generated`;
  if (level(from) < 0) return `${file} is in no layer`;
  if (level(to) < 0) return `${file} imports ${target}, which is in no layer`;
  return level(to) < level(from) ? undefined : `${file} imports ${target}: ${to} does not stand before ${from}`;
}

describe("docs/architecture.md: the layer rule", () => {
  test("is kept by every import line", () => {
    expect(files.flatMap(file => importsOf(file).flatMap(target => breach(file, target) ?? []))).toEqual([]);
  });

  test("every import names a file that is there", () => {
    const missing = files.flatMap(file =>
      importsOf(file)
        .filter(target => target.startsWith("src/") && !files.includes(target))
        .map(target => `${file} imports ${target}`),
    );
    expect(missing).toEqual([]);
  });

  test("no cycle between files of a layer", () => {
    const edges = new Map(files.map(file => [file, importsOf(file).filter(target => files.includes(target))]));
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (done.has(file) || path.includes(file)) return;
      for (const target of edges.get(file)!) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

describe("importsOf and breach", () => {
  test("importsOf reads all forms of imports", () => {
    const text = [
      'import { a } from "./a.ts";\nimport type {\n  B,\n} from "../graph/b.ts";\nexport * from "./c.ts";',
      'const d = await import("../run/d.ts");\nimport fs from "node:fs";',
    ].join("\n");
    expect(importsOf("src/plan/x.ts", text)).toEqual([
      "src/plan/a.ts",
      "src/graph/b.ts",
      "src/plan/c.ts",
      "src/run/d.ts",
    ]);
  });

  test("breach finds violations of the rule", () => {
    expect(breach("src/ops/convolution/conv2d.ts", "src/graph/graph.ts")).toBeUndefined();
    expect(breach("src/graph/graph.ts", "src/ops/convolution/conv2d.ts")).toContain("ops does not stand before graph");
    expect(breach("src/plan/lower.ts", "src/passes/fuse.ts")).toContain("passes does not stand before plan");
    expect(breach("src/run/net.ts", "build/run-binaries.ts")).toContain("only kernels");
    expect(breach("src/odd/x.ts", "src/base/shape.ts")).toContain("no layer");
  });
});
