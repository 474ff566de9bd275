import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { read, write } from "../../src/container/index.ts";
import { Graph } from "../../src/graph/graph.ts";
import { crc32 } from "../../src/kernels/bits.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { described } from "./networks.ts";

const document = readFileSync("docs/container.md", "utf8");

/** The network of the annotated example. */
function example(): Graph {
  const g = new Graph();
  const x = g.leaf("input", "input", { shape: [3], dtype: "f32", batched: true });
  const quantization = { scale: Float32Array.of(0.5, 0.25), zeroPoint: 0, axis: 0 };
  const kernel = g.state(
    "weight",
    "dense/kernel",
    { shape: [2, 3], dtype: "i8", batched: false, quantization },
    Int8Array.of(100, 0, 0, 0, 0, -100),
  );
  const bias = g.state("weight", "dense/bias", { shape: [2], dtype: "f32", batched: false }, Float32Array.of(1, -2));
  const y = g.scope("dense", () => g.one(dense, [x, kernel, bias], {}));
  g.results = [g.scope("relu", () => g.one(relu, [y]))];
  return g;
}

test("write: the annotated example is a file, byte by byte", () => {
  const [, listing] = document.match(/## An example[\s\S]*?```\n([\s\S]*?)```/)!;
  const rows = listing!
    .trimEnd()
    .split("\n")
    .map(line => line.match(/^(\d+) +((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2}|$)/)!);
  const bytes = rows.flatMap(([, , hex]) => hex!.split(" ").map(byte => Number.parseInt(byte, 16)));
  let offset = 0;
  for (const [, at, hex] of rows) {
    expect(Number(at)).toBe(offset);
    offset += hex!.split(" ").length;
  }
  const labels = ["no", "yes"];
  expect([...write(example(), { labels })].map(byte => byte.toString(16))).toEqual(
    bytes.map(byte => byte.toString(16)),
  );
  const { graph, ...extras } = read(Uint8Array.from(bytes));
  expect(described(graph)).toEqual(described(example()));
  expect(extras).toEqual({ labels });
  expect(crc32(Uint8Array.from(bytes).subarray(9))).toBe(
    new DataView(Uint8Array.from(bytes).buffer).getUint32(5, true),
  );
});
