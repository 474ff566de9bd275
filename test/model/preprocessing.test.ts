/** A network's `preprocessing` is that of its last training, for every way of training and every file. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { quantizeStatic } from "../../src/compress/index.ts";
import type { Preprocessing } from "../../src/container/extras.ts";
import { Dataset, type PerChannel } from "../../src/data/index.ts";
import { add, conv2d, dense, flatten, input, loadModel, Model, model, sequential } from "../../src/model/index.ts";
import { load } from "../../src/run/index.ts";
import { adam } from "../../src/train/optimizers.ts";

const ROWS = 96;
const NAMES = ["left", "right", "top"];

/** Bytes in which one of three places is bright: 4x4, with any number of channels, each with a level of its own. */
function places(channels = 1, shape = [4, 4, channels]): Dataset {
  const random = new Random(5);
  const images = new Uint8Array(ROWS * 16 * channels);
  const labels = new Uint8Array(ROWS);
  for (let r = 0; r < ROWS; r++) {
    labels[r] = r % 3;
    for (let i = 0; i < 16 * channels; i++) {
      const pixel = Math.floor(i / channels);
      const bright = [pixel % 4 < 2, pixel % 4 >= 2, pixel < 4][r % 3];
      images[r * 16 * channels + i] = 20 * (i % channels) + random.integer(60) + (bright ? 120 : 0);
    }
  }
  return new Dataset({ images, shape, labels, classes: 3, classNames: NAMES });
}

const network = (shape: readonly number[] = [4, 4, 1], name?: string): Model =>
  sequential([flatten({ inputShape: shape }), dense({ units: 3 })], { seed: 1, ...(name && { name }) });

const options = { epochs: 20, batchSize: 16, optimizer: adam(0.02) };
const inverted = { scale: Math.fround(-1 / 255), offset: 1 };

/** The number of stored images that the file of `trained` classifies correctly. */
async function rightOfBytes(trained: { toBytes(): Uint8Array }, data: Dataset): Promise<number> {
  const net = await load(trained.toBytes());
  const names = net.labels ?? NAMES.map((_, i) => String(i));
  const labels = data.labels()!;
  let right = 0;
  for (let i = 0; i < data.length; i++)
    if (net.classify(data.stored(i) as Uint8Array)[0]!.label === names[labels[i]!]) right++;
  return right / data.length;
}

describe("Model.fit: preprocessing", () => {
  test("a second fit on other scales replaces preprocessing: the file is right about bytes", async () => {
    const [trained, data] = [network(), places()];
    await trained.fit(data.normalise(inverted), options);
    expect(trained.preprocessing).toEqual(inverted);
    expect(await rightOfBytes(trained, data)).toBeGreaterThan(0.95);
    const again = await loadModel(trained.toBytes());
    await again.fit(data, { ...options, epochs: 60 });
    expect(again.preprocessing).toBeUndefined();
    expect(await rightOfBytes(again, data)).toBe((await again.evaluate(data)).accuracy);
    expect(await rightOfBytes(again, data)).toBeGreaterThan(0.95);
  });

  test("map keeps the scaling of normalise", async () => {
    const trained = network();
    const data = places().normalise(inverted);
    await trained.fit(
      data.map(({ x, y }) => ({ x: x.map(v => v + 0.001), y })),
      { ...options, validation: data },
    );
    expect(trained.preprocessing).toEqual(inverted);
    expect(await rightOfBytes(trained, places())).toBe((await trained.evaluate(data)).accuracy);
  });

  test("map with a preprocessing of its own is believed; floats are taken from validation", async () => {
    const own = { mean: [128], std: [64] };
    const raw = places().normalise({ scale: 1 });
    const mapped = raw.map(({ x, y }) => ({ x: x.map(v => (v - 128) / 64), y }), { preprocessing: own });
    const trained = network();
    await trained.fit(mapped, options);
    expect(trained.preprocessing).toEqual(own);
    expect(await rightOfBytes(trained, places())).toBe((await trained.evaluate(places().preprocess(own))).accuracy);

    const floats = new Dataset({
      images: Float32Array.from([...mapped].flatMap(({ x }) => [...x])),
      shape: [4, 4, 1],
      labels: places().labels()!,
    });
    const second = network();
    await second.fit(floats, { ...options, validation: places().preprocess(own) });
    expect(second.preprocessing).toEqual(own);
    await trained.fit(floats, { epochs: 1 });
    expect(trained.preprocessing).toEqual(own);
  });

  test("validation scaled otherwise than the training is refused before anything is trained", async () => {
    const trained = network();
    const before = trained.getWeights();
    const options = { validation: places().normalise(inverted) };
    await expect(trained.fit(places(), options)).rejects.toThrow(
      '"validation" expected bytes scaled as those of the training, byte / 255, got byte * -0.00392157 + 1',
    );
    expect(trained.getWeights()).toEqual(before);
  });

  test("an abort leaves weights and preprocessing that belong together", async () => {
    const trained = network();
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    const data = places().normalise(inverted);
    await expect(trained.fit(data, { signal: stop.signal, onProgress })).rejects.toThrow(/abort/i);
    expect(trained.preprocessing).toEqual(inverted);
    const other = network();
    await expect(other.fit(data, { epochs: -1 })).rejects.toThrow('"epochs"');
    expect(other.preprocessing).toBeUndefined();
  });

  test("layout stays: it is about arrays of users", async () => {
    const trained = new Model(network().graph, { preprocessing: { scale: 1 / 255, layout: "NCHW" } });
    await trained.fit(places().normalise(inverted));
    expect(trained.preprocessing).toEqual({ ...inverted, layout: "NCHW" });
    await trained.fit(places());
    expect(trained.preprocessing).toEqual({ scale: 1 / 255, layout: "NCHW" });
  });
});

describe("Model.trainStep", () => {
  test("learns preprocessing from the batches of a data set", async () => {
    const trained = network();
    const data = places().normalise(inverted);
    const optimizer = adam(0.02);
    for (let epoch = 0; epoch < 20; epoch++)
      for (const { x, y } of data.batch(16)) await trained.trainStep(x, y, { optimizer });
    expect(trained.preprocessing).toEqual(inverted);
    expect(await rightOfBytes(trained, places())).toBe((await trained.evaluate(data)).accuracy);
    const [other] = places().batch(16);
    await expect(trained.trainStep(other!.x, other!.y, { optimizer })).rejects.toThrow(
      '"x" expected samples scaled as those of the steps before',
    );
    await trained.trainStep(other!.x, other!.y, { optimizer: adam() });
    expect(trained.preprocessing).toBeUndefined();
  });

  test("bytes are read by preprocessing, as predict reads them", async () => {
    const [of, data] = [places().normalise(inverted), places()];
    const [one, two] = [network(), network()];
    two.preprocessing = inverted;
    const [batch] = of.batch(16);
    const stored = Uint8Array.from(Array.from({ length: 16 }, (_, i) => [...data.stored(i)]).flat());
    expect(await two.trainStep(stored, batch!.y)).toEqual(await one.trainStep(batch!.x, batch!.y));
    expect(two.getWeights()).toEqual(one.getWeights());
  });
});

describe("Model.evaluate, predict and calibration", () => {
  test("refuse bytes of another scaling, and advise", async () => {
    const trained = network();
    const data = places().normalise({ mean: 0.5, std: 0.25 });
    await trained.fit(data, options);
    const message = "expected bytes scaled as the network reads them, byte * 0.0156863 + -2, got byte / 255: ";
    await expect(trained.evaluate(places())).rejects.toThrow(
      `"dataset" ${message}dataset.preprocess(model.preprocessing)`,
    );
    await expect(trained.predict(places())).rejects.toThrow(`"x" ${message}`);
    await expect(quantizeStatic(trained, { calibration: places() })).rejects.toThrow(`"calibration" ${message}`);
    const small = await quantizeStatic(trained, { calibration: data });
    await expect(small.evaluate(places())).rejects.toThrow(message);
    expect(await rightOfBytes(small, places())).toBe((await small.evaluate(data)).accuracy);
    expect(await trained.evaluate(places().preprocess(trained.preprocessing))).toEqual(await trained.evaluate(data));
  });

  test("the same scale in other words is the same", async () => {
    const trained = network();
    trained.preprocessing = { mean: [127.5], std: [127.5] };
    await expect(trained.evaluate(places().normalise({ mean: 0.5, std: 0.5 }))).resolves.toBeDefined();
    await expect(trained.evaluate(places().normalise({ mean: 0.502, std: 0.5 }))).rejects.toThrow(/scaled/);
  });
});

describe("Dataset.normalise: mean and std per channel", () => {
  const mean = [0.3, 0.4, 0.5];
  const std = [0.2, 0.25, 0.5];

  test("normalise is (real - mean) / std of each channel, again too", () => {
    const data = places(3);
    const rgb = data.normalise({ mean, std });
    const twice = rgb.normalise({ mean: 1, std: [1, 2, 4] });
    const [before, after, third] = [data, rgb, twice].map(set => set.row(7).x) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    before.forEach((v, i) => {
      const c = i % 3;
      expect(after[i]).toBeCloseTo((v - mean[c]!) / std[c]!, 5);
      expect(third[i]).toBeCloseTo((after[i]! - 1) / [1, 2, 4][c]!, 5);
    });
    expect(rgb.images).toBe(data.images);
    expect((rgb.scale as number[]).length).toBe(3);
    const wrong: [PerChannel, PerChannel, string][] = [
      [[1, 2], 1, '"mean" expected 3 channels, got [1, 2]'],
      [0, [1, 0, 1], '"std[1]" expected finite number > 0, got 0'],
    ];
    for (const [m, s, message] of wrong) expect(() => data.normalise({ mean: m, std: s })).toThrow(message);
  });

  test("any preprocessing: rows are the network's inputs for the stored bytes, to the bit", async () => {
    const rules: Preprocessing[] = [
      { scale: 1 / 255, mean, std },
      { mean: [100, 110, 120], std: [50, 60, 70] },
      { scale: 2, offset: -3, std: [3] },
      { offset: 1, mean: [1, 2, 3], std: [4] },
    ];
    const same = (graph: Preprocessing) => {
      const x = input({ shape: [4, 4, 3] });
      return new Model(model({ inputs: x, outputs: add()(x, x) }).graph, { preprocessing: graph }).net({});
    };
    for (const rule of rules)
      for (const set of [places(3).preprocess(rule), places(3).preprocess(rule).normalise({ mean, std: 2 })]) {
        const net = await same(set.preprocessing!);
        expect(net.predict(set.stored(3) as Uint8Array)).toEqual(set.row(3).x.map(v => v + v));
      }
  });

  test("fit, evaluate, files, int8 and pictures have them", async () => {
    const data = places(3).normalise({ mean, std });
    const trained = sequential(
      [conv2d({ filters: 4, kernelSize: 3, inputShape: [4, 4, 3] }), flatten(), dense({ units: 3 })],
      { seed: 1 },
    );
    const twin = trained.clone();
    await trained.fit(data, { ...options, validation: data });
    expect(trained.preprocessing).toEqual({ scale: Math.fround(1 / 255), mean, std });
    const { accuracy } = await trained.evaluate(data);
    expect(accuracy).toBeGreaterThan(0.95);
    expect(await rightOfBytes(trained, places(3))).toBe(accuracy);
    const small = await quantizeStatic(trained, { calibration: data });
    expect(await rightOfBytes(small, places(3))).toBe((await small.evaluate(data)).accuracy);
    // the same numbers as floats train the same weights
    const floats = new Dataset({
      images: Float32Array.from([...data].flatMap(({ x }) => [...x])),
      shape: [4, 4, 3],
      labels: data.labels()!,
    });
    await twin.fit(floats, options);
    expect(twin.getWeights()).toEqual(trained.getWeights());
    expect(() => data.map(row => row, { shape: [4, 4, 1] })).toThrow(
      '"map" expected a preprocessing for the 1 channels it gives',
    );
  });
});

describe("Model: names and metadata", () => {
  test("class names become labels by fit; numbers are no names", async () => {
    const trained = network();
    await trained.fit(places(), options);
    expect(trained.labels).toEqual(NAMES);
    expect((await trained.net()).classify(places().stored(0) as Uint8Array)[0]!.label).toBe("left");
    expect((await load(trained.toBytes())).labels).toEqual(NAMES);
    const numbers = new Dataset({
      images: places().images,
      shape: [4, 4, 1],
      labels: places().labels()!,
      classNames: ["0", "1", "2"],
    });
    await trained.fit(numbers);
    expect(trained.labels).toBeUndefined();
  });

  test("name and metadata survive save, load, loadModel and net", async () => {
    const metadata = { mean: [1, 2], by: "hand" };
    const named = new Model(network().graph, { name: "place", metadata });
    const bytes = named.toBytes();
    for (const net of [await load(bytes), await named.net(), await (await loadModel(bytes)).net({ capacity: 1 })]) {
      expect(net.name).toBe("place");
      expect(net.metadata).toEqual(metadata);
    }
    const again = await loadModel(bytes);
    expect([again.name, again.metadata]).toEqual(["place", metadata]);
    expect((await loadModel(named.toBytes({ name: "other" }))).name).toBe("other");
    expect((await load(bytes, { name: "mine" })).name).toBe("mine");
    const nameless = network();
    expect((await load(nameless.toBytes())).name).toBe("model");
    expect(nameless.toBytes().length).toBe(network([4, 4, 1], "place").toBytes().length - '{"name":"place"}'.length);
    expect(() => named.toBytes({ name: 3 } as never)).toThrow('"name" expected a string, got 3');
  });

  test("labels and preprocessing can be set, and are checked", async () => {
    const trained = network();
    const net = await trained.net();
    trained.labels = ["a", "b", "c"];
    trained.preprocessing = { scale: 1 };
    expect(await trained.net()).not.toBe(net);
    expect((await trained.net()).labels).toEqual(["a", "b", "c"]);
    expect(() => (trained.labels = ["a"])).toThrow('"labels" expected 3 names, got 1');
    expect(() => (trained.preprocessing = { means: [1] } as never)).toThrow('"preprocessing" has no option "means"');
    expect(() => (trained.preprocessing = { mean: [1, 2] })).toThrow('"preprocessing.mean" expected 1 channels');
    expect(trained.preprocessing).toEqual({ scale: 1 });
  });
});

describe("Model: shapes that differ by axes of 1", () => {
  test("images of 4x4x1 fit a network of 4x4 and vice versa, everywhere", async () => {
    const pairs: [number[], number[]][] = [
      [
        [4, 4],
        [4, 4, 1],
      ],
      [
        [4, 4, 1],
        [4, 4],
      ],
      [
        [1, 4, 4],
        [4, 1, 4],
      ],
    ];
    for (const [own, given] of pairs) {
      const [trained, data] = [network(own), places(1, given)];
      const twin = network(given);
      await trained.fit(data, { ...options, validation: data });
      await twin.fit(data, options);
      expect(Object.values(trained.getWeights())).toEqual(Object.values(twin.getWeights()));
      expect(await trained.evaluate(data)).toEqual(await twin.evaluate(data));
      const outputs = await trained.predict(data);
      expect(outputs).toEqual(await twin.predict(data));
      const net = await trained.net();
      const nested = Array.from({ length: given[0]! }, (_, i) =>
        Array.from({ length: given[1]! }, (_, j) => {
          const at = (k: number) => data.row(2).x[(i * given[1]! + j) * (given[2] ?? 1) + k]!;
          return given[2] === undefined ? at(0) : Array.from({ length: given[2] }, (_, k) => at(k));
        }),
      );
      expect(net.predict(nested as number[][])).toEqual(outputs.slice(6, 9));
      expect(net.predictBatch([nested, nested] as number[][][])[1]).toEqual(outputs.slice(6, 9));
      const small = await quantizeStatic(trained, { calibration: data });
      expect((await small.evaluate(data)).accuracy).toBeGreaterThan(0.9);
    }
    await expect(network([4, 4]).evaluate(places(1, [2, 8, 1]))).rejects.toThrow(
      '"dataset" expected samples of 4x4, got 2x8x1',
    );
  });
});

describe("Dataset: rows without labels", () => {
  const { images, shape } = places();
  const unlabelled = new Dataset({ images, shape });

  test("can be predicted and calibrated on, and are refused if labels are needed", async () => {
    const trained = network();
    await trained.fit(places(), options);
    expect(await trained.predict(unlabelled)).toEqual(await trained.predict(places()));
    const [one, two] = [unlabelled, places()].map(calibration => quantizeStatic(trained, { calibration }));
    expect((await one!).toBytes()).toEqual((await two!).toBytes());
    expect([unlabelled.labels(), unlabelled.targets(), unlabelled.classes]).toEqual([undefined, undefined, 0]);
    expect([...unlabelled.batch(ROWS)][0]!.y).toEqual(new Float32Array(0));
    const message = '"dataset" expected labels or targets, got rows without';
    await expect(trained.fit(unlabelled)).rejects.toThrow(message);
    await expect(trained.evaluate(unlabelled)).rejects.toThrow(message);
  });
});

describe("Model: one training at a time", () => {
  test("fit, trainStep and setWeights during a fit are errors that name the model", async () => {
    const trained = network([4, 4, 1], "digits");
    const data = places();
    const [batch] = data.batch(16);
    const running = trained.fit(data, { epochs: 3 });
    const busy = (what: string) => `${what}: model "digits" is being trained by fit: await that first`;
    await expect(trained.fit(data)).rejects.toMatchObject({ code: "busy", message: busy("fit") });
    await expect(trained.trainStep(batch!.x, batch!.y)).rejects.toThrow(busy("trainStep"));
    expect(() => trained.setWeights(trained.getWeights())).toThrow(busy("setWeights"));
    await running;
    const step = trained.trainStep(batch!.x, batch!.y);
    await expect(trained.trainStep(batch!.x, batch!.y)).rejects.toThrow("is being trained by trainStep");
    await step;
    await expect(trained.fit(data, { epochs: -1 })).rejects.toThrow('"epochs"');
    await trained.fit(data);
    trained.setWeights(trained.getWeights());
    const twin = network();
    await twin.fit(data, { epochs: 3 });
    const alone = network();
    await alone.fit(data, { epochs: 3 });
    expect(alone.getWeights()).toEqual(twin.getWeights());
  });
});
