import { beforeAll, describe, expect, test } from "vitest";
import { compare, pruneOnce, quantizeDynamic, sensitivity, slim } from "../../src/compress/index.ts";
import { lenet5, type Model } from "../../src/index.ts";
import { comparisonPage, modelPage, sensitivityChart, sensitivityPage } from "../../src/report/index.ts";
import { stripes, trained } from "../compress/trained.ts";
import { expectSelfContained } from "./self-contained.ts";

let model: Model;
let small: Model;
const data = stripes(60, 2);

beforeAll(async () => {
  model = await trained();
  await model.report.measure({ data, milliseconds: 1 });
  small = await quantizeDynamic(model);
});

describe("modelPage", () => {
  test("steps, what was measured, and layers", async () => {
    const text = await modelPage(small, { title: "Small <net>" });
    expectSelfContained(text);
    expect(text).toContain("<h1>Small &lt;net&gt;</h1>");
    for (const { step } of small.report.rows) expect(text).toContain(`<td>${step}</td>`);
    expect(text).toContain(`Accuracy: on 60 samples.`);
    for (const { name } of small.layers) expect(text).toContain(`<td>${name}</td>`);
    expect(text.match(/<svg /g)!.length).toBeGreaterThanOrEqual(3);
  });

  test("of a model as it was built: no steps", async () => {
    const text = await modelPage(lenet5({ seed: 1 }));
    expectSelfContained(text);
    expect(text).toContain("<h1>lenet5</h1>");
    expect(text).not.toContain("<h2>Steps</h2>");
  });

  test("beside the model before: shapes, and bars of both", async () => {
    const slimmed = await slim(model, { keep: 0.5 });
    const text = await modelPage(slimmed, { before: model });
    expectSelfContained(text);
    expect(text).toContain("<td>6x6x4 → 6x6x2</td>");
    expect(text).toContain("after</text>");
    expect(text).not.toContain("zeros in a layer");
    expect(await modelPage(pruneOnce(model, 0.8), { before: model })).toContain("zeros in a layer");
  });

  test("refuses other things and options", async () => {
    await expect(modelPage(JSON.parse("{}"))).rejects.toThrow('modelPage: "model" expected a Model, got Object');
    await expect(modelPage(model, JSON.parse('{ "name": 1 }'))).rejects.toThrow('"modelPage" has no option "name"');
    await expect(modelPage(model, JSON.parse('{ "title": 1 }'))).rejects.toThrow('"title" expected a string, got 1');
    await expect(modelPage(model, JSON.parse('{ "before": 1 }'))).rejects.toThrow('"before" expected a Model, got 1');
  });
});

describe("sensitivityPage", () => {
  test("the picture and the table, the greatest loss tinted most", async () => {
    const found = await sensitivity(model, data, { strengths: [0.5, 0.95] });
    expectSelfContained(await sensitivityChart(found));
    const text = await sensitivityPage(found);
    expectSelfContained(text);
    for (const { layer } of found.layers) expect(text).toContain(`<td>${layer}</td>`);
    expect(text).toContain('<th scope="col" class="number">95 %</th>');
    expect(text).toContain("var(--series-2) 60%");
    const bits = await sensitivityPage(await sensitivity(model, data, { of: "bits", strengths: [8] }), {
      title: "Bits",
    });
    expect(bits).toContain("<h1>Bits</h1>");
    expect(bits).toContain(">8 bits</th>");
  });

  test("of a network with many layers: one page of less than 300 kB", async () => {
    const layer = (i: number) => ({
      layer: `depthwiseConv2d_${i}`,
      op: "depthwiseConv2d",
      weights: 1000,
      points: [0.3, 0.5, 0.7, 0.8, 0.9, 0.95].map(strength => ({
        strength,
        scores: { loss: 1, accuracy: 0.9 - strength / (i + 2) },
      })),
    });
    const strengths = [0.3, 0.5, 0.7, 0.8, 0.9, 0.95];
    const scores = { loss: 0.5, accuracy: 0.9 };
    const layers = Array.from({ length: 60 }, (_, i) => layer(i));
    const text = await sensitivityPage({
      of: "sparsity",
      metric: "accuracy",
      samples: 10000,
      scores,
      strengths,
      layers,
    });
    expectSelfContained(text);
  });
});

describe("comparisonPage", () => {
  test("both networks, changed answers and errors", async () => {
    const found = await compare(model, small, data, { milliseconds: 1, names: ["float", "<small>"] });
    const text = await comparisonPage(found);
    expectSelfContained(text);
    expect(text).toContain("<h1>float and &lt;small&gt;</h1>");
    expect(text).toContain(`${found.changed!.count} of 60`);
    for (const { layer } of found.layers) expect(text).toContain(`<td>${layer}</td>`);
  });

  test("of a network with itself", async () => {
    expectSelfContained(await comparisonPage(await compare(model, model, data, { milliseconds: 1 })));
  });
});
