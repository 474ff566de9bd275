import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as penjing from "../../src/index.ts";

test("penjing exports the names in docs/from-tensorflow.md", () => {
  const [, table] = readFileSync("docs/from-tensorflow.md", "utf8").split("## Names\n");
  const rows = [...table!.matchAll(/^\| .* \| (.*) \|$/gm)].slice(1);
  const names = rows.flatMap(([, cell]) => [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter(name => !(name in penjing))).toEqual([]);
});
