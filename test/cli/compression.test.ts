import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Interrupted } from "../../src/cli/errors.ts";
import { expectSelfContained } from "../report/self-contained.ts";
import { penjing } from "./penjing.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-compression-"));
const at = (name: string) => join(folder, name);
const model = at("digits.penjing");
const some = ["--limit", "256"];
const short = [...some, "--epochs", "1"];
const tflite = new URL("../vectors/tflite/lenet5_int8.tflite", import.meta.url).pathname;

beforeAll(async () => {
  const { code } = await penjing(["train", "--limit", "640", "--epochs", "2", "--out", model]);
  expect(code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The document of a command that went well. */
async function documentOf(...argv: string[]): Promise<any> {
  const { code, out, errors } = await penjing([...argv, "--json"]);
  expect([errors, code]).toEqual(["", 0]);
  return JSON.parse(out);
}

/** The page a command wrote. */
function pageAt(path: string): string {
  const text = readFileSync(path, "utf8");
  expectSelfContained(text);
  return text;
}

describe("prune", () => {
  test("by another criterion, all layers together, with a page", async () => {
    const how = ["--criterion", "taylor", "--scope", "global", "--sparsity", "0.9", "--report", at("prune.html")];
    const { criterion, granularity, after } = await documentOf("prune", model, ...how, ...short);
    expect([criterion, granularity]).toEqual(["taylor", "element"]);
    expect(after.sparsity).toBeCloseTo(0.9, 3);
    const page = pageAt(at("prune.html"));
    for (const text of ["<td>float</td>", "<td>prune</td>", "criterion taylor", "accuracy"])
      expect(page).toContain(text);
  });

  test("blocks and N:M, of chosen layers", async () => {
    const { schedule, after } = await documentOf(
      "prune",
      model,
      ...["--granularity", "1:4", "--layers", "dense,dense_1", "--out", at("n.penjing")],
      ...short,
    );
    expect(schedule).toMatchObject({ initialSparsity: 0, finalSparsity: 0.75 });
    expect(after.sparsity).toBeCloseTo((0.75 * (30720 + 10080)) / 44190, 2);
    const blocks = await documentOf("prune", model, "--granularity", "4x2", "--layers", "dense", ...short);
    expect(blocks.granularity).toEqual([4, 2]);
  });
});

describe("slim", () => {
  test("half the channels, trained on, with a page", async () => {
    const out = at("digits.slim.penjing");
    const document = await documentOf("slim", model, "--keep", "0.5", "--report", at("slim.html"), ...short);
    expect(document).toMatchObject({ file: model, out, keep: 0.5, score: "taylor" });
    expect(document.layers[0]).toMatchObject({ name: "conv2d", outputShape: [24, 24, 3] });
    expect(document.after.bytes).toBe(statSync(out).size);
    expect(document.after.bytes).toBeLessThan(0.3 * document.before.bytes);
    expect(document.history.loss).toHaveLength(1);
    expect(document.sizes.map((s: any) => s.step)).toEqual(["float", "slim"]);
    expect(pageAt(at("slim.html"))).toContain("multiply-accumulates, ");
  });

  test("a budget, by a score that looks at images, without training", async () => {
    const how = ["--macs", "0.4", "--score", "taylor", "--samples", "64", "--epochs", "0", "--out", at("s.penjing")];
    const { sizes, history, keep } = await documentOf("slim", model, ...how, ...some);
    expect(keep).toEqual({ macs: 0.4 });
    expect(sizes[1].macs).toBeLessThanOrEqual(0.4 * sizes[0].macs);
    expect(history).toEqual({});
  });

  test("channels by layer; a table for people", async () => {
    const how = ["--keep", "conv2d=2, dense=30", "--epochs", "0", "--out", at("l.penjing"), ...some];
    const { code, out } = await penjing(["slim", model, ...how]);
    expect(code).toBe(0);
    expect(out).toMatch(/^step +parameters +MACs$/m);
    expect(out).toMatch(/^slim +\d+ +\d+$/m);
  });
});

describe("cluster", () => {
  test("a number of values, trained on, with a page; as many integers", async () => {
    const out = at("digits.clustered.penjing");
    const document = await documentOf("cluster", model, "--clusters", "8", "--report", at("cluster.html"), ...short);
    expect(document).toMatchObject({ file: model, out, clusters: 8, init: "optimal", preserveSparsity: false });
    expect(document.tensors.map((t: any) => t.values)).toEqual([8, 8, 8, 8, 8]);
    expect(document.after.bytes).toBe(statSync(out).size);
    expect(document.after.bytes).toBeLessThan(0.11 * document.before.bytes);
    expect(document.history.loss).toHaveLength(1);
    for (const text of ["clusterWeights", "clusters 8"]) expect(pageAt(at("cluster.html"))).toContain(text);
    const small = await documentOf("quantize", out, "--out", at("c8.penjing"), ...some);
    expect(small.bytes).toBeLessThan(document.after.bytes + 1000);
  });

  test("values by layer, or an error budget, of a pruned network, without training; a table for people", async () => {
    const pruned = at("half.penjing");
    await documentOf("prune", model, "--sparsity", "0.5", "--out", pruned, ...short);
    const how = ["--epochs", "0", ...some];
    const layers = ["--clusters", "conv2d=4, dense=16", "--per-channel", "--out", at("l.penjing"), "--force"];
    const named = await documentOf("cluster", pruned, ...layers, ...how);
    expect(named).toMatchObject({ clusters: { conv2d: 4, dense: 16 }, perChannel: true, preserveSparsity: true });
    expect(named.after.sparsity).toBeGreaterThanOrEqual(named.before.sparsity);
    expect(named.tensors[2]).toMatchObject({ name: "dense/kernel", values: 16 });
    const budget = ["--error-budget", "0.02", "--no-preserve-sparsity", "--out", at("b.penjing")];
    const { code, out } = await penjing(["cluster", pruned, ...budget, ...how]);
    expect(code).toBe(0);
    expect(out).toMatch(/^weight +elements +values +zeros$/m);
    expect(out).toMatch(/^dense\/kernel +30720 +\d+ +\d+$/m);
  });
});

describe("sensitivity", () => {
  test("of each layer to sparsity, with a page", async () => {
    const how = ["--strengths", "0.5,0.9", "--samples", "100", "--report", at("sensitivity.html")];
    const found = await documentOf("sensitivity", model, ...how, ...some);
    expect(found).toMatchObject({
      file: model,
      dataset: { name: "mnist", part: "train" },
      of: "sparsity",
      samples: 100,
    });
    expect(found.layers.map((l: any) => l.layer)).toEqual(["conv2d", "conv2d_1", "dense", "dense_1", "dense_2"]);
    expect(found.layers[0].points.map((p: any) => p.strength)).toEqual([0.5, 0.9]);
    expect(pageAt(at("sensitivity.html"))).toContain("<h1>Sensitivity of ");
  });

  test("to bits and channels, of chosen layers, on the test images; a table for people", async () => {
    const how = ["--strengths", "8", "--layers", "dense", "--part", "test", "--samples", "50", ...some];
    const { out, code } = await penjing(["sensitivity", model, "--of", "bits", ...how]);
    expect(code).toBe(0);
    expect(out).toMatch(/^accuracy on 50 samples against bits a weight; unchanged \d/);
    expect(out).toMatch(/^dense +30720 +\d+\.\d\d %$/m);
    const { layers } = await documentOf("sensitivity", model, "--of", "channels", "--samples", "50", ...some);
    expect(layers.map((l: any) => l.layer)).toEqual(["conv2d", "conv2d_1", "dense", "dense_1"]);
  });

  test("ends at Ctrl-C", async () => {
    const interrupt = new AbortController();
    const argv = ["sensitivity", model, ...some];
    const { code, errors } = await penjing(argv, interrupt.signal, () => interrupt.abort(new Interrupted()));
    expect([code, errors]).toEqual([130, "penjing sensitivity: interrupted\n"]);
  });
});

describe("compare", () => {
  test("a float network with one of TensorFlow Lite, with a page", async () => {
    const found = await documentOf(
      "compare",
      model,
      tflite,
      "--report",
      at("compare.html"),
      "--examples",
      "3",
      ...some,
    );
    expect(found).toMatchObject({ files: [model, tflite], dataset: { name: "mnist", test: 256 }, samples: 256 });
    expect(found.b.accuracy).toBeGreaterThan(0.9);
    expect(found.changed.rows).toHaveLength(found.changed.count);
    expect(found.changed.examples.length).toBeLessThanOrEqual(3);
    expect(pageAt(at("compare.html"))).toContain("answers changed");
  });

  test("tables for people", async () => {
    const { code, out } = await penjing(["compare", model, model, ...some]);
    expect(code).toBe(0);
    expect(out).toContain("0 of 256 answers changed (0.00 %), 0 of them to the right one, 0 from it");
    expect(out).toMatch(/^outputs +0\.00 +0\.00 +equal$/m);
  });
});

describe("prune, slim, cluster, sensitivity, compare: an error is one line", () => {
  test.each([
    [["slim", "a"], "expected one of --keep, --macs and --parameters, got none"],
    [["slim", "a", "--keep", "0.5", "--macs", "0.5"], "expected one of --keep, --macs and --parameters, got 2"],
    [["slim", "a", "--keep", "conv2d=x"], 'got "x"'],
    [["slim", "a", "--keep", "conv2d=1,dense"], 'expected layer=channels, got "dense"'],
    [["slim", "a", "--keep", "2"], "<= 1, got 2"],
    [["slim", "a", "--score", "best"], "l1, l2, gamma, taylor, apoz"],
    [["cluster", "a", "--clusters", "1"], "integer in 2..256, got 1"],
    [["cluster", "a", "--clusters", "conv2d=3,dense"], 'expected layer=values, got "dense"'],
    [["cluster", "a", "--clusters", "4", "--error-budget", "0.1"], "expected one of --clusters and --error-budget"],
    [["cluster", "a", "--error-budget", "0.1", "--init", "linear"], "expected --init optimal beside --error-budget"],
    [["cluster", "a", "--clusters", "d=3", "--layers", "d"], "expected no --layers beside --clusters by layer"],
    [["cluster", "a", "--init", "best"], "optimal, kmeans++"],
    [["prune", "a", "--granularity", "4:2"], "N less than M"],
    [["prune", "a", "--granularity", "cubes"], 'N:M or RxC, got "cubes"'],
    [["prune", "a", "--criterion", "luck"], "magnitude, taylor"],
    [["sensitivity", "a", "--of", "sound"], "sparsity, channels, bits"],
    [["sensitivity", "a", "--strengths", "0.5,x"], 'got "x"'],
    [["compare", "a"], "missing"],
  ])("%j: exit code 2", async (argv, named) => {
    const { code, out, errors } = await penjing(argv);
    expect([code, out]).toEqual([2, ""]);
    expect(errors).toMatch(new RegExp(`^penjing ${argv[0]}: [^\n]+\n$`));
    expect(errors).toContain(named);
  });

  test.each([
    [["slim", tflite, "--keep", "0.5"], "is quantized already: slim the float network it was made of"],
    [["cluster", tflite], "is quantized already: cluster the float network it was made of"],
    [["cluster", model, "--layers", "none"], 'clusterWeights: "layers" expected layers that can be clustered'],
    [["sensitivity", tflite], "is quantized already: analyze the float network it was made of"],
    [["sensitivity", model, "--layers", "none"], 'sensitivity: "layers" expected layers with a kernel'],
    [["sensitivity", model, "--strengths", "1"], '"strengths[0]" expected finite number >= 0 and < 1, got 1'],
    [["slim", model, "--keep", "none=3"], 'slim: "keep" expected layers with channels'],
    [["prune", model, "--layers", "none", "--epochs", "1"], 'prune: "layers" expected'],
    [["compare", model, "nowhere.penjing"], "there is no such file"],
  ])("%j: exit code 1", async (argv, named) => {
    const { code, out, errors } = await penjing([...argv, ...some, "--json"]);
    expect([code, out]).toEqual([1, ""]);
    expect(errors).toMatch(new RegExp(`^penjing ${argv[0]}: [^\n]+\n$`));
    expect(errors).toContain(named);
  });

  test("a page in the place of the network that is read", async () => {
    copyFileSync(model, at("kept.penjing"));
    const { code, errors } = await penjing(["compare", model, at("kept.penjing"), "--report", at("kept.penjing")]);
    expect(code).toBe(2);
    expect(errors).toContain("expected another file to write than the one that is read");
    expect(readFileSync(at("kept.penjing")).equals(readFileSync(model))).toBe(true);
  });
});
