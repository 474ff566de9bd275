import { buildSync } from "esbuild";
import { expect, test } from "vitest";

test.each(["src/data/index.ts", "src/container/index.ts"])(
  "%s bundles for a browser: no module of Node is seen",
  entry => {
    const { warnings, metafile, outputFiles } = buildSync({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: "esm",
      platform: "browser",
      metafile: true,
      logLevel: "silent",
    });
    expect(warnings).toEqual([]);
    expect(Object.values(metafile.outputs).flatMap(output => output.imports)).toEqual([]);
    expect(outputFiles[0]!.text).not.toMatch(/from\s*"node:|require\(/);
  },
);
