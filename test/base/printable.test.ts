import { describe, expect, test } from "vitest";
import { PenjingError, show, wrongValue } from "../../src/base/errors.ts";
import { printable } from "../../src/base/printable.ts";
import { analyze, quantizeDynamic, sparsity } from "../../src/compress/index.ts";
import { printGraph } from "../../src/graph/print.ts";
import { dense, sequential } from "../../src/model/index.ts";
import { printArena, printProgram } from "../../src/plan/print.ts";

/** Clears the screen, forges a line (also by C1), and reverses the writing direction. */
const HOSTILE = "a\u001b[2J\r\nforged\u009b1m\u007f\u202ename\u2028\ud800";
// biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\ud800]/;

test("printable escapes control characters as JSON does and leaves all other text", () => {
  expect(printable(HOSTILE)).toBe("a\\u001b[2J\\u000d\\u000aforged\\u009b1m\\u007f\\u202ename\\u2028\\ud800");
  for (const plain of ["conv2d/kernel", "Größe 数字 \u{1f600}", ""]) expect(printable(plain)).toBe(plain);
});

test("show and the messages of errors hold no control character", () => {
  for (const text of [
    show(HOSTILE),
    show([HOSTILE]),
    wrongValue("x", "y", HOSTILE).message,
    new PenjingError("damaged", `layer "${HOSTILE}"`).message,
  ]) {
    expect(text).not.toMatch(RAW);
    expect(text).not.toContain("\n");
  }
});

describe("printGraph and other printers show a hostile name in one line", () => {
  // the builder refuses such a name, but a file may contain it
  const model = sequential([dense({ units: 2, inputShape: [3] })], { seed: 1 });
  for (const part of [...model.graph.nodes, ...model.graph.leaves]) part.name = part.name.replace("dense", HOSTILE);

  test.each([
    ["summary", () => model.summary()],
    ["printGraph", () => printGraph(model.graph)],
    ["analyze", () => String(analyze(model))],
    ["sparsity", () => String(sparsity(model))],
    ["a quantized Model", async () => String(await quantizeDynamic(model))],
    ["printProgram", async () => printProgram((await model.net()).machine.program("x1"))],
    [
      "printArena",
      async () => {
        const { machine } = await model.net();
        return printArena(machine.plan, machine.program("x1"));
      },
    ],
  ])("%s", async (name, print) => {
    const text = await print();
    if (name !== "printArena") expect(text).toContain("\\u001b[2J");
    expect(text).not.toMatch(RAW);
    expect(text).not.toMatch(/^forged/m);
  });
});
