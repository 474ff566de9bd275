import { describe, expect, test } from "vitest";
import { barChart, lineChart } from "../../src/report/index.ts";
import { expectSelfContained } from "./self-contained.ts";

const HOSTILE = '<b onload="x">&\u001b';
const series = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    name: i ? `layer ${i}` : HOSTILE,
    points: [
      [0.5, 0.9],
      [0.9, 0.1 * i],
    ] as const,
  }));

describe("lineChart", () => {
  test("a line for each series, with a legend and the line of reference", async () => {
    const svg = await lineChart({
      title: HOSTILE,
      x: { label: "sparsity", percent: true, values: [0.5, 0.9] },
      y: { label: "accuracy", percent: true },
      reference: 0.95,
      series: series(3),
    });
    expectSelfContained(svg);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]*role="img" aria-label="&lt;b onload=/);
    for (const name of ["layer 1", "layer 2", "&lt;b onload=&quot;x&quot;&gt;&amp;\\u001b", "sparsity, %"])
      expect(svg).toContain(`${name}</text>`);
    for (const colour of [1, 2, 3]) expect(svg).toContain(`stroke="var(--series-${colour})"`);
    expect(svg).toContain('stroke-dasharray="5 4"');
    expect(svg.indexOf(">50</text>")).toBeLessThan(svg.indexOf(">90</text>"));
  });

  test("a panel for each of many series", async () => {
    const options = { title: "many", x: { label: "epoch" }, y: { label: "loss" }, series: series(9) };
    const svg = await lineChart(options);
    expectSelfContained(svg);
    expect(svg).toContain("layer 8</text>");
    expect(svg).not.toContain("--series-2)");
    const together = await lineChart({ ...options, panels: false });
    expectSelfContained(together);
    expect(together).toContain("var(--series-6)");
    expect(Number(/height="(\d+)"/.exec(svg)![1])).toBeGreaterThan(400);
  });

  test("the same picture for the same numbers", async () => {
    const draw = () => lineChart({ title: "", x: { label: "x" }, y: { label: "y" }, series: series(2) });
    expect(await draw()).toBe(await draw());
  });
});

describe("barChart", () => {
  test("a bar for each name, with its number", async () => {
    const svg = await barChart({
      title: "bytes",
      names: ["float", HOSTILE, "float"],
      series: [{ name: "bytes", values: [1000, 100, 10] }],
      x: { label: "bytes" },
      format: bytes => `${bytes} B`,
    });
    expectSelfContained(svg);
    const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"[^>]*>/g)]
      .map(([, width]) => Number(width))
      .filter(w => w > 0);
    expect(widths).toHaveLength(3);
    expect(widths[0]! / widths[2]!).toBeCloseTo(100, 0);
    for (const text of ["1000 B", "100 B", "10 B"]) expect(svg).toContain(`${text}</text>`);
  });

  test("several series side by side", async () => {
    const values = { title: "zeros", names: ["a", "b"], x: { label: "zeros", percent: true } };
    const svg = await barChart({
      ...values,
      series: [
        { name: "before", values: [0, 0.1] },
        { name: "after", values: [0.9, 0.95] },
      ],
    });
    expectSelfContained(svg);
    for (const text of ["before", "after", "95.0 %"]) expect(svg).toContain(`${text}</text>`);
  });
});
