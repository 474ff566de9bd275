import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { ByteWriter } from "../../src/base/byte-writer.ts";
import { ByteReader } from "../../src/base/bytes.ts";
import { PenjingError } from "../../src/base/errors.ts";
import { MAGIC, VERSION } from "../../src/container/format.ts";
import { read, readFrom, storedBytes, write } from "../../src/container/index.ts";
import { STORED } from "../../src/container/op-numbers.ts";
import { Graph, type Op, type Type } from "../../src/graph/graph.ts";
import { unaryOperands } from "../../src/graph/operand.ts";
import { crc32 } from "../../src/kernels/bits.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { described, lenet5, odd } from "./networks.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-container-"));
afterAll(() => rmSync(folder, { recursive: true }));

const networks = {
  float: lenet5(),
  pruned: lenet5({ sparsity: 0.8 }),
  int8: lenet5({ int8: true }),
  "pruned int8": lenet5({ int8: true, sparsity: 0.8 }),
  odd: odd(),
};
const extras = {
  labels: ["zero", "one", "盆", ""],
  preprocessing: { scale: 1 / 255, mean: [0.1307], std: [0.3081], layout: "NHWC" as const },
  metadata: { accuracy: 0.9912, from: { data: "mnist", seeds: [1, 2] } },
};

/** Faster than comparing element by element for long files. */
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** The bytes after the checksum: the description and the graph. */
function contentsOf(file: Uint8Array): Uint8Array {
  const from = new ByteReader(file);
  from.raw(MAGIC.length + 1);
  from.varint();
  from.u32();
  return from.rest;
}

/** Makes a file of any contents with a valid length and checksum: damage that only the parser can detect. */
function sealed(contents: Uint8Array, version = VERSION): Uint8Array {
  const to = new ByteWriter();
  to.raw(Uint8Array.from([...MAGIC, version]));
  to.varint(contents.length);
  to.u32(crc32(contents));
  to.raw(contents);
  return to.bytes();
}

describe("write and read: round trips", () => {
  for (const [name, graph] of Object.entries(networks))
    test(`${name}: the same graph, the same bytes`, () => {
      const bytes = write(graph, extras);
      const { graph: back, ...rest } = read(bytes);
      expect(described(back)).toEqual(described(graph));
      expect(rest).toEqual(extras);
      expect(sameBytes(write(back, extras), bytes)).toBe(true);
      expect(sameBytes(write(read(write(graph)).graph), write(graph))).toBe(true);
    });

  test("attributes are restored, omitted ones with their defaults", () => {
    const { graph } = read(write(networks.odd));
    const window = { strides: [2, 1], pads: [1, -1, 2, 1], dilations: [1, 2] };
    expect(graph.nodes[0]!.attrs).toEqual({ ...window, groups: 2 });
    expect(graph.nodes[3]!.attrs).toMatchObject({ size: [3, 2], strides: [1, 2], ceil: true });
    expect(read(write(networks.float)).graph.nodes[0]!.attrs).toMatchObject(networks.float.nodes[0]!.attrs as object);
  });

  test("a shared layer stays shared, and a frozen weight frozen", () => {
    const { graph } = read(write(networks.odd));
    expect(graph.nodes[0]!.inputs[1]).toBe(graph.nodes[1]!.inputs[1]);
    expect(graph.nodes[0]!.inputs[1]!.frozen).toBe(true);
  });

  test("default names take no bytes; names that are not kept become default", () => {
    expect(write(networks.int8).length).toBe(write(networks.int8, { names: false }).length);
    expect(write(networks.odd).length).toBeGreaterThan(write(networks.odd, { names: false }).length);
    const { graph } = read(write(networks.odd, { names: false }));
    expect(graph.nodes.map(n => n.name)).toEqual([
      "conv2d",
      "conv2d_1",
      "add",
      "maxPool2d",
      "reshape",
      "quantize",
      "dense",
    ]);
    expect(graph.leaves.map(v => v.name)).toEqual([
      "left eye",
      "right eye",
      "conv2d/kernel",
      "dense/kernel",
      "dense/bias",
    ]);
  });

  test("values that no node reads are not stored", () => {
    const graph = lenet5();
    graph.state("weight", "unused", { shape: [1000], dtype: "f32", batched: false }, new Float32Array(1000));
    expect(sameBytes(write(graph), write(networks.float))).toBe(true);
  });
});

describe("write: sizes", () => {
  const parameters = (graph: Graph) => graph.leaves.filter(v => v.leaf === "state");

  test("write: LeNet-5 costs at most 96 bytes beyond weights, biases and scales", () => {
    const float = networks.float;
    expect(write(float).length - 4 * 44426).toMatchInlineSnapshot(`78`);
    expect(write(float).length - 4 * 44426).toBeLessThanOrEqual(96);

    const int8 = networks.int8;
    const contents = parameters(int8).reduce((sum, v) => sum + storedBytes(v), 0);
    const scales = [
      ...int8.leaves.filter(v => v.type.dtype === "i8").map(v => v.type.quantization!.scale.length),
      // conv2d, conv2d, dense, dense, dense; the others keep their input's type
      ...[1, 1, 1, 1, 1],
    ].reduce((a, b) => a + b);
    expect(write(int8).length - contents - 4 * scales).toMatchInlineSnapshot(`56`);
    expect(write(int8).length - contents - 4 * scales).toBeLessThanOrEqual(64);
  });

  test("80 % pruned int8 LeNet-5 fits 16 000 bytes", () => {
    expect(write(networks["pruned int8"]).length).toMatchInlineSnapshot(`14579`);
    expect(write(networks["pruned int8"]).length).toBeLessThanOrEqual(16_000);
    expect(write(networks.pruned).length).toBeLessThan(0.25 * write(networks.float).length);
  });
});

describe("write refuses by name what a file cannot hold", () => {
  const input = (g: Graph) => g.leaf("input", "input", { shape: [4], dtype: "f32", batched: true });

  test("ops of training and of weights' edges", () => {
    const g = new Graph();
    const mask: Op = { name: "mask", takes: unaryOperands, infer: ([x]) => [x!] };
    g.results = [g.scope("conv/mask", () => g.one(mask, [input(g)]))];
    expect(() => write(g)).toThrow(
      expect.objectContaining({ code: "unsupported", path: "conv/mask", message: expect.stringMatching(/op "mask"/) }),
    );
  });

  test("fused activations, unknown attributes, missing contents, other leaves", () => {
    const build = (attrs: object, leaf: "state" | "stream" = "state", data?: Float32Array) => {
      const g = new Graph();
      const type: Type = { shape: [2, 4], dtype: "f32", batched: false };
      const weight = leaf === "state" ? g.state("weight", "w", type, data) : g.leaf(leaf, "w", type);
      g.results = [g.scope("layer", () => g.one(dense, [input(g), weight], attrs as never))];
      return g;
    };
    const data = new Float32Array(8);
    expect(() => write(build({}, "state", data))).not.toThrow();
    expect(() => write(build({ relu: true }, "state", data))).toThrow(/fused/);
    expect(() => write(build({ magic: 1 }, "state", data))).toThrow(/"layer" cannot be stored: attribute "magic"/);
    expect(() => write(build({}, "stream", data))).toThrow(/leaf of kind "stream"/);
    expect(() => write(build({}))).toThrow(/state "w" has no contents/);
    expect(() => write(build({}, "state", new Float32Array(7)))).toThrow(
      /f32 of 2x4 but its contents are Float32Array\(7\)/,
    );
    expect(() => write(build({}, "state", new Int8Array(8) as never))).toThrow(PenjingError);
  });

  test("wrong options and a graph without results", () => {
    expect(() => write(networks.float, { label: [] } as never)).toThrow(/"write" has no option "label"/);
    expect(() => write(networks.float, { labels: "ab" } as never)).toThrow(TypeError);
    expect(() => write(networks.float, { metadata: [1] } as never)).toThrow(TypeError);
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    expect(() => write(networks.float, { metadata: loop })).toThrow(/"metadata" expected what JSON can say/);
    expect(() => write(new Graph())).toThrow(/no result/);
  });
});

describe("read: damage", () => {
  const small = (() => {
    const g = new Graph();
    const x = g.leaf("input", "x", { shape: [3], dtype: "f32", batched: true });
    const w = g.state(
      "weight",
      "w",
      { shape: [2, 3], dtype: "f32", batched: false },
      Float32Array.of(1, 2, 3, 4, 5, 6),
    );
    const b = g.state("weight", "b", { shape: [2], dtype: "f32", batched: false }, Float32Array.of(7, 8));
    g.results = [g.one(relu, [g.one(dense, [x, w, b], {})])];
    return write(g, extras);
  })();
  const valid = { small, odd: write(networks.odd, extras), int8: write(networks["pruned int8"], extras) };

  test("every truncation is reported as an early end of the file", () => {
    for (const bytes of [valid.small, valid.odd])
      for (let length = 0; length < bytes.length; length++)
        expect(() => read(bytes.subarray(0, length), { path: "cut" }), `${length} bytes`).toThrow(
          expect.objectContaining({ name: "PenjingError", code: "truncated", path: "cut" }),
        );
  });

  test("every altered byte is found by the checksum or before it", () => {
    for (const bytes of [valid.small, valid.odd])
      for (let at = 0; at < bytes.length; at++) {
        const altered = bytes.slice();
        altered[at]! ^= 1 << (at % 8);
        expect(() => read(altered), `byte ${at}`).toThrow(
          expect.objectContaining({
            name: "PenjingError",
            code: expect.stringMatching(/^(magic|version|truncated|damaged|checksum)$/),
          }),
        );
      }
  });

  test("behind the right checksum the parser itself refuses, or reads something sound", () => {
    const check = (bytes: Uint8Array) => {
      try {
        const { graph } = read(bytes);
        for (const leaf of graph.leaves) if (leaf.leaf === "state") expect(leaf.data!.length).toBeGreaterThan(0);
        // No byte of a file unpacks to more than 255 elements.
        const elements = graph.leaves.reduce((sum, leaf) => sum + (leaf.data?.length ?? 0), 0);
        expect(elements).toBeLessThanOrEqual(255 * bytes.length);
      } catch (error) {
        if (!(error instanceof PenjingError)) throw error;
        if (error.code !== "budget") expect(error.offset).toBeTypeOf("number");
        expect(error.code).toMatch(/^(magic|version|truncated|checksum|op|codec|damaged|budget)$/);
      }
    };
    // All single bytes of the small file, which reaches every field.
    const contents = contentsOf(small);
    for (let at = 0; at < contents.length; at++)
      for (const value of [0, 1, 2, 7, 8, 0x0f, 0x40, 0x7f, 0x80, 0xc0, 0xff]) {
        const altered = contents.slice();
        altered[at] = value;
        check(sealed(altered));
      }
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 });
    for (const bytes of Object.values(valid).map(contentsOf)) {
      // Damage in the heads and the graph, where it matters, and anywhere.
      fc.assert(
        fc.property(flips, fc.boolean(), (changes, early) => {
          const altered = bytes.slice();
          for (const [at, flip] of changes) altered[at % (early ? 400 : bytes.length)]! ^= flip;
          check(sealed(altered));
        }),
        { numRuns: 250 },
      );
      fc.assert(
        fc.property(fc.nat(bytes.length), fc.uint8Array({ maxLength: 20 }), fc.nat(20), (at, put, cut) => {
          const place = at % 500;
          check(sealed(Uint8Array.of(...bytes.subarray(0, place), ...put, ...bytes.subarray(place + cut, 4000))));
        }),
        { numRuns: 150 },
      );
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), bytes => check(bytes)));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), body => {
        check(Uint8Array.of(...small.subarray(0, 4), ...body));
        check(sealed(body));
        // Any graph after an input; in version 2, with tensors in it.
        check(sealed(Uint8Array.of(0, body.length + 3, 1, 0x10, 3, ...body)));
        check(sealed(Uint8Array.of(0, 3 + body.length / 2, 1, 0x10, 3, ...body)));
        check(sealed(Uint8Array.of(0, 1, 0x10, 3, ...body), 2));
      }),
      { numRuns: 500 },
    );
  });

  /** A file without a description: one input of three f32, then `graph`, then `tensors`. */
  const fileOf = (graph: readonly number[], ...tensors: (readonly number[])[]) => {
    const to = new ByteWriter();
    to.u8(0);
    to.varint(graph.length + 3);
    to.raw(Uint8Array.of(1, 0x10, 3, ...graph));
    for (const bytes of tensors) to.raw(Uint8Array.from(bytes));
    return sealed(to.bytes());
  };
  const graphOf = (...graph: number[]) => fileOf(graph);
  const tensor = (codec: number, ...bytes: number[]) => [codec, bytes.length, ...bytes];
  const DENSE = 2 << 3;
  const f32 = (...values: number[]) => [...new Uint8Array(Float32Array.from(values).buffer)];
  const vast = [0xff, 0xff, 0xff, 0xff, 0x0f];
  const [shaped, quantized, scaled] = [8, 16, 64];

  test("read: sizes no file can hold allocate nothing, and take no time", () => {
    const before = process.memoryUsage();
    const units = [DENSE, 1, 0xff, 0xff, 0xff, 0x7f, 0];
    const sizes: [string, Uint8Array][] = [
      // a dense layer of 2^28 - 1 units: dense, sparse, packed, both
      ["units", fileOf(units, tensor(0))],
      ["units", fileOf(units, tensor(1, 8))],
      ["units", fileOf(units, tensor(2, 1))],
      ["units", fileOf(units, tensor(3, 8, 1))],
      ["length of a tensor", fileOf([DENSE, 1, 1, 0], [0, ...vast])],
      ["scales", graphOf(DENSE, 1 | quantized, 0xff, 0xff, 0xff, 0x7f)],
      ["inputs of a node", graphOf((11 << 3) | 4, ...vast)],
      ["axes of a state", graphOf(DENSE, shaped, ...vast)],
      ["results", graphOf(0, ...vast)],
      ["inputs of the graph", sealed(Uint8Array.of(0, 6, ...vast, 0x10, 3))],
      ["the graph", sealed(Uint8Array.of(0, ...vast, 1, 0x10, 3))],
      ["a list as an attribute", graphOf((4 << 3) | 1, 1, ...vast)],
      ["a description", sealed(Uint8Array.of(...vast, 0x7b, 0x7d))],
    ];
    const began = performance.now();
    for (const [what, bytes] of sizes)
      expect(() => read(bytes, { maxBytes: Infinity }), what).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/truncated|damaged/) }),
      );
    expect(performance.now() - began).toBeLessThan(1000);
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(1e6);
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(1e8);
  });

  test("read: a network of many layers takes no longer for each of them", () => {
    const layers = Array.from({ length: 20_000 }, () => [DENSE, 0, 1, 0]).flat();
    const tensors = Array.from({ length: 40_000 }, () => tensor(0, ...f32(1)));
    const contents = [0, ...lengthOf(layers.length + 3), 1, 0x10, 1].concat(layers, tensors.flat());
    const { graph } = read(sealed(Uint8Array.from(contents)));
    expect(graph.leaves.length).toBe(40_001);
    expect(graph.leaves.at(-1)!.name).toBe("dense_19999/bias");
  });

  const lengthOf = (n: number) => {
    const to = new ByteWriter();
    to.varint(n);
    return to.bytes();
  };

  test("read: nonsense behind a right checksum is damage, and says which", () => {
    const layer = [DENSE, 0, 2, 0];
    const weights = tensor(0, ...f32(1, 2, 3, 4, 5, 6));
    const bias = tensor(0, ...f32(1, 2));
    const valid = fileOf(layer, weights, bias);
    expect(() => read(valid)).not.toThrow();
    /** A file whose kernel of six floats is stored by a codec. */
    const stored = (codec: number, ...bytes: number[]) => fileOf(layer, tensor(codec, ...bytes), bias);
    const description = (text: string) => {
      const to = new ByteWriter();
      to.text(text);
      to.raw(contentsOf(valid).subarray(1));
      return sealed(to.bytes());
    };
    expect(read(description('{"labels":["a"]}')).labels).toEqual(["a"]);
    const cases: [Uint8Array, RegExp, string?][] = [
      [graphOf(DENSE | 4, 2, 2, 0, 0, 2), /nothing before makes/],
      [graphOf(DENSE | 4, 1, 1), /has 1 inputs/],
      [graphOf(DENSE | 4, 4, 1, 0, 0, 0), /has 4 inputs/],
      [graphOf(5 << 3, 0, 1, 0), /nothing before makes/],
      [graphOf(5 << 3, 0, 1, 2, 9), /1 bytes follow/],
      [sealed(Uint8Array.of(0, 1, 0)), /nothing before makes/],
      [sealed(Uint8Array.of(0, 3, 1, 0x10, 0)), /a shape is 0/],
      [sealed(Uint8Array.of(0, 12, 1, 0x20, ...vast, ...vast)), /a shape is/],
      [graphOf((5 << 3) | 1, 1), /op "relu" has no such attributes/],
      [graphOf(15 << 3), /op number 15 is unknown/, "op"],
      [graphOf(1), /op number 0 is unknown/, "op"],
      [graphOf(DENSE, 7, 2), /element type 7/],
      [stored(1, 0), /gaps of 0/],
      [stored(1, 9), /gaps of 9/],
      [stored(2, 0), /elements of 0 bits/],
      [stored(2, 33), /elements of 33 bits/],
      [stored(1, 8, 7, 0, 0, 0), /behind the end/],
      [stored(0, 1, 2, 3, 4, 5), /24 bytes expected, 5 left/, "truncated"],
      [stored(0, ...f32(1, 2, 3, 4, 5, 6), 7), /1 bytes follow the end of tensor "dense\/kernel"/],
      [stored(40, 1, 2, 3), /tensor "dense\/kernel" is stored by codec 40, which is unknown here/, "codec"],
      [fileOf(layer, weights, tensor(300 & 127, ...f32(1, 2))), /tensor "dense\/bias" is stored by codec 44/, "codec"],
      [fileOf(layer, weights), /file ends too early/, "truncated"],
      [fileOf(layer, weights, bias, [0]), /1 bytes follow the last tensor/],
      [graphOf(DENSE, 1 | quantized, 2, ...f32(0, 1)), /a scale/],
      [graphOf(DENSE, 1 | quantized, 2, ...f32(Number.NaN, 1)), /a scale/],
      [graphOf(DENSE, 1 | quantized, 2, ...f32(Infinity, 1)), /a scale/],
      [graphOf(DENSE, 1 | scaled, 2, 9, 0), /axis that is not there/],
      [graphOf(DENSE, 0, 2, quantized), /follow from nothing/],
      [graphOf(DENSE, shaped, 2, 2, 4, 0), /weights of 2x4 do not fit/],
      [graphOf((6 << 3) | 1, 1, ...new Uint8Array(Float64Array.of(Number.NaN).buffer)), /an attribute is NaN/],
      [graphOf((4 << 3) | 1, 1, 1, 7), /layer "reshape"/],
      [description("{"), /JSON/],
      [description("null"), /what the file says cannot be/],
      [description('{"labels":"no"}'), /what the file says cannot be/],
      [description('{"labels":[1]}'), /labels are no list of texts/],
      [description('{"metadata":5}'), /metadata is no object/],
      [description('{"preprocessing":{"layout":"XY"}}'), /"preprocessing.layout" expected one of "NHWC", "NCHW"/],
      [description('{"preprocessing":{"mean":["x"]}}'), /"preprocessing.mean" expected finite number/],
      [description('{"preprocessing":{"zzz":1}}'), /"preprocessing.zzz"/],
      [description('{"names":null}'), /what the file says cannot be/],
      [description('{"names":{"dense/kernel":"input"}}'), /two leaves are called "input"/],
      [description("[".repeat(1e5)), /JSON/],
    ];
    for (const [bytes, message, code = "damaged"] of cases) {
      expect(() => read(bytes, { path: "a.penjing" }), String(message)).toThrow(message);
      expect(() => read(bytes, { path: "a.penjing" }), String(message)).toThrow(
        expect.objectContaining({ name: "PenjingError", code, path: "a.penjing", offset: expect.any(Number) }),
      );
    }
  });

  test("unknown numbers are named, with their offset", () => {
    const altered = (at: number, value: number) => {
      const bytes = small.slice();
      bytes[at] = value;
      return bytes;
    };
    // after the description and the length of the graph
    const contents = small.length - contentsOf(small).length;
    const start = contents + new ByteReader(contentsOf(small)).varint() + 3;
    const inside = (at: number, value: number) => sealed(contentsOf(altered(at, value)));
    const cases: [Uint8Array, string, number, RegExp][] = [
      [altered(0, 0x50), "magic", 0, /not a \.penjing file/],
      [altered(3, 4), "version", 3, /format version 4 is unknown, this library reads 1 to 3/],
      [altered(3, 0), "version", 3, /format version 0 is unknown/],
      [inside(start + 3, 15 << 3), "op", start + 3, /op number 15 is unknown/],
      [inside(start + 4, 0x07), "damaged", start + 4, /element type 7/],
      [Uint8Array.of(...small, 0), "damaged", small.length, /1 bytes after the end/],
      [small.subarray(0, -1), "truncated", small.length - 1, /the file ends 1 bytes too early/],
      [altered(small.length - 1, 7), "checksum", contents - 4, /altered/],
    ];
    for (const [bytes, code, offset, message] of cases) {
      expect(() => read(bytes), String(message)).toThrow(message);
      expect(() => read(bytes), String(message)).toThrow(expect.objectContaining({ code, offset }));
    }
    expect(() => read(altered(40, 0), { path: "a.penjing" })).toThrow(
      expect.objectContaining({ code: "checksum", path: "a.penjing" }),
    );
  });
});

test("STORED: numbers of ops never change", () => {
  expect(
    Object.fromEntries(Object.entries(STORED).map(([number, { op }]) => [number, op.name])),
  ).toMatchInlineSnapshot(`
    {
      "1": "conv2d",
      "10": "softmax",
      "11": "concat",
      "12": "rescale",
      "13": "quantize",
      "14": "dequantize",
      "16": "batchNormalization",
      "17": "leakyRelu",
      "18": "elu",
      "19": "prelu",
      "2": "dense",
      "20": "sigmoid",
      "21": "hardSigmoid",
      "22": "tanh",
      "23": "hardSwish",
      "24": "logSoftmax",
      "25": "sub",
      "26": "mul",
      "27": "pad",
      "28": "dropout",
      "29": "minimum",
      "3": "maxPool2d",
      "30": "maximum",
      "31": "broadcast",
      "32": "transpose",
      "33": "stridedSlice",
      "34": "constantPad",
      "35": "mean",
      "36": "resizeNearest",
      "37": "resizeBilinear",
      "38": "requantize",
      "39": "lookup",
      "4": "reshape",
      "40": "scale",
      "41": "exp",
      "42": "log",
      "43": "sqrt",
      "44": "rsqrt",
      "45": "gelu",
      "46": "silu",
      "47": "div",
      "48": "layerNormalization",
      "49": "rescaling",
      "5": "relu",
      "50": "pact",
      "6": "clip",
      "7": "add",
      "8": "averagePool2d",
      "9": "depthwiseConv2d",
    }
  `);
});

test("readFrom a path, URL, Buffer, ArrayBuffer, typed array, Blob and File", async () => {
  const bytes = write(networks.odd, extras);
  const path = join(folder, "odd.penjing");
  writeFileSync(path, bytes);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const data = new URL(`data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`);
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  // From a frame, or the sandbox of a test runner: not an instance of our ArrayBuffer.
  const foreign = runInNewContext(`Uint8Array.of(${bytes}).buffer`) as ArrayBuffer;
  expect(foreign instanceof ArrayBuffer).toBe(false);
  const sources = [
    path,
    pathToFileURL(path),
    String(pathToFileURL(path)),
    data,
    String(data),
    Buffer.from(bytes),
    buffer,
    bytes,
    shared,
    foreign,
  ];
  for (const source of [...sources, new Blob([bytes]), new File([bytes], "odd.penjing")])
    expect(described((await readFrom(source)).graph)).toEqual(described(networks.odd));
  await expect(readFrom(join(folder, "nowhere"))).rejects.toMatchObject({
    code: "missing",
    path: join(folder, "nowhere"),
  });
  writeFileSync(path, bytes.subarray(0, 50));
  await expect(readFrom(path)).rejects.toMatchObject({ code: "truncated", path });
  await expect(readFrom(new File([bytes.subarray(0, 50)], "x.penjing"))).rejects.toMatchObject({ path: "x.penjing" });
  for (const wrong of [7, null, undefined, {}]) await expect(readFrom(wrong as never)).rejects.toThrow(TypeError);
  await expect(readFrom(folder)).rejects.toMatchObject({ code: "unreadable", path: folder });
  const stopped = AbortSignal.abort(new Error("stopped"));
  await expect(readFrom(path, { signal: stopped })).rejects.toThrow("stopped");
});
