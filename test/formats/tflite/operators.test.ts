/** Single operators and short chains of them, as converters write them, against numbers computed by hand. */
import { describe, expect, test } from "vitest";
import { size } from "../../../src/base/shape.ts";
import { loadTflite } from "../../../src/formats/tflite/index.ts";
import type { OperatorName } from "../../../src/formats/tflite/schema.ts";
import { type BuiltOperator, type BuiltTensor, built } from "./builder.ts";
import { type Answered, answered } from "./vectors.ts";

const ints = (...numbers: number[]): BuiltTensor => ({
  type: "int32",
  shape: [numbers.length],
  data: Int32Array.from(numbers),
});
const floats = (shape: readonly number[], ...numbers: number[]): BuiltTensor => ({
  shape,
  data: Float32Array.from(numbers),
});

/** One operator on an input of 0, 1, 2 ...; `constants` are its other operands. */
function single(
  name: OperatorName,
  shape: readonly number[],
  out: readonly number[],
  constants: readonly BuiltTensor[],
  options?: BuiltOperator["options"],
): Uint8Array {
  const tensors = [{ shape, signature: [-1, ...shape.slice(1)] }, ...constants, { shape: out }];
  const inputs = [0, ...constants.map((_, i) => i + 1)];
  const outputs = [tensors.length - 1];
  const operator: BuiltOperator = { name, inputs, outputs, ...(options && { options }) };
  return built({ tensors, operators: [operator], inputs: [0], outputs });
}

async function answer(bytes: Uint8Array, x?: readonly number[]): Promise<{ shape: readonly number[]; y: number[] }> {
  const model = await loadTflite(bytes);
  const numbers = x ?? Array.from({ length: size(model.inputShape) }, (_, i) => i);
  return { shape: model.outputShape, y: [...(await model.predict(numbers))] };
}

describe("loadTflite: single operators", () => {
  const cases: [string, Uint8Array, number[], number[]][] = [
    ["SLICE", single("SLICE", [1, 2, 3], [1, 1, 2], [ints(0, 1, 1), ints(-1, 1, 2)]), [1, 2], [4, 5]],
    [
      "STRIDED_SLICE with masks and a stride backwards",
      single("STRIDED_SLICE", [1, 2, 3], [1, 2, 2], [ints(0, 0, 2), ints(0, 0, 0), ints(1, 1, -2)], { 0: 2, 1: 7 }),
      [2, 2],
      [2, 0, 5, 3],
    ],
    [
      "STRIDED_SLICE with an ellipsis and an index",
      single("STRIDED_SLICE", [1, 2, 3], [1, 2], [ints(0, 1), ints(0, 2), ints(1, 1)], { 2: 1, 4: 2 }),
      [2],
      [1, 4],
    ],
    [
      "STRIDED_SLICE with a new axis",
      single("STRIDED_SLICE", [1, 3], [1, 1, 3], [ints(0, 0, 0), ints(0, 0, 0), ints(1, 1, 1)], { 0: 5, 1: 5, 3: 2 }),
      [1, 3],
      [0, 1, 2],
    ],
    ["SQUEEZE", single("SQUEEZE", [1, 3, 1], [1, 3], [], { 0: [-1] }), [3], [0, 1, 2]],
    ["EXPAND_DIMS", single("EXPAND_DIMS", [1, 3], [1, 3, 1], [ints(-1)]), [3, 1], [0, 1, 2]],
    ["TRANSPOSE", single("TRANSPOSE", [1, 2, 3], [1, 3, 2], [ints(0, 2, 1)]), [3, 2], [0, 3, 1, 4, 2, 5]],
    ["MEAN of axes apart", single("MEAN", [1, 2, 3, 2], [1, 3], [ints(1, 3)]), [3], [3.5, 5.5, 7.5]],
    [
      "MEAN that keeps axes",
      single("MEAN", [1, 2, 3], [1, 1, 3], [ints(-2)], { 0: { i8: 1 } }),
      [1, 3],
      [1.5, 2.5, 3.5],
    ],
    ["REDUCE_MAX", single("REDUCE_MAX", [1, 2, 3], [1, 3], [ints(1)]), [3], [3, 4, 5]],
    [
      "PADV2 of channels",
      single("PADV2", [1, 1, 1, 2], [1, 1, 1, 4], [ints(0, 0, 0, 0, 0, 0, 1, 1), floats([1], 7)]),
      [1, 1, 4],
      [7, 0, 1, 7],
    ],
    ["ADD of a row", single("ADD", [1, 2, 2], [1, 2, 2], [floats([2], 10, 20)]), [2, 2], [10, 21, 12, 23]],
    [
      "MUL of a column, and RELU6",
      single("MUL", [1, 2, 2], [1, 2, 2], [floats([1, 2, 1], 1, 3)], { 0: { i8: 3 } }),
      [2, 2],
      [0, 1, 6, 6],
    ],
    ["MAXIMUM", single("MAXIMUM", [1, 3], [1, 3], [floats([], 1)]), [3], [1, 1, 2]],
    ["MINIMUM", single("MINIMUM", [1, 3], [1, 3], [floats([1, 3], 5, 0.5, 1)]), [3], [0, 0.5, 1]],
    ["RESHAPE of a fixed batch", single("RESHAPE", [1, 2, 3], [1, 6], [ints(1, 6)]), [6], [0, 1, 2, 3, 4, 5]],
    ["LOG_SOFTMAX", single("LOG_SOFTMAX", [1, 2], [1, 2], []), [2], [-1.31326162815094, -0.31326165795326]],
  ];
  test.each(cases)("%s", async (_, bytes, shape, expected) => {
    const { shape: got, y } = await answer(bytes);
    expect(got).toEqual(shape);
    y.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 6));
    expect(y.length).toBe(expected.length);
  });

  test("a constant may be the first operand: 1 - x", async () => {
    const tensors = [{ shape: [1, 3] }, floats([], 1), { shape: [1, 3] }];
    const operators = [{ name: "SUB" as const, inputs: [1, 0], outputs: [2] }];
    expect((await answer(built({ tensors, operators, inputs: [0], outputs: [2] }))).y).toEqual([1, 0, -1]);
  });

  test("contents may follow the FlatBuffer", async () => {
    const tensors = [{ shape: [1, 3] }, floats([], 1), { shape: [1, 3] }, floats([3], 5, 6, 7), { shape: [1, 3] }];
    const operators = [
      { name: "SUB" as const, inputs: [1, 0], outputs: [2] },
      { name: "MUL" as const, inputs: [2, 3], outputs: [4] },
    ];
    const file = built({ tensors, operators, inputs: [0], outputs: [4], behind: true });
    expect((await answer(file)).y).toEqual([5, 0, -7]);
    await expect(loadTflite(file.subarray(0, file.length - 1))).rejects.toMatchObject({ code: "truncated" });
  });

  test("operators that no output needs are skipped", async () => {
    const tensors = [{ shape: [1, 3] }, { shape: [1, 3] }, { shape: [1, 3] }];
    const operators = [
      { name: "COS" as const, inputs: [0], outputs: [1] },
      { name: "RELU" as const, inputs: [0], outputs: [2] },
    ];
    expect((await answer(built({ tensors, operators, inputs: [0], outputs: [2] }))).y).toEqual([0, 1, 2]);
  });

  test("SPLIT returns its parts", async () => {
    const tensors = [ints(1), { shape: [1, 4] }, { shape: [1, 2] }, { shape: [1, 2] }, { shape: [1, 2] }];
    const operators = [
      { name: "SPLIT" as const, inputs: [0, 1], outputs: [2, 3], options: { 0: 2 } },
      { name: "SUB" as const, inputs: [3, 2], outputs: [4] },
    ];
    expect((await answer(built({ tensors, operators, inputs: [1], outputs: [4] }))).y).toEqual([2, 2]);
  });
});

describe("loadTflite: constants with a zero point per channel", () => {
  const weights = (zeroPoint: readonly number[]): BuiltTensor => ({
    name: "weights",
    type: "int8",
    shape: [2, 2],
    data: Int8Array.of(3, 4, -3, 7),
    scale: [0.5, 2],
    zeroPoint,
  });
  const dense = (zeroPoint: readonly number[], dequantized: boolean) =>
    built({
      tensors: [{ shape: [1, 2] }, weights(zeroPoint), { shape: [2, 2] }, { shape: [1, 2] }],
      operators: [
        ...(dequantized ? [{ name: "DEQUANTIZE" as const, inputs: [1], outputs: [2] }] : []),
        { name: "FULLY_CONNECTED", inputs: [0, dequantized ? 2 : 1, -1], outputs: [3] },
      ],
      inputs: [0],
      outputs: [3],
    });

  test("are real numbers behind DEQUANTIZE", async () => {
    // [[1, 1.5], [-8, 12]]
    expect((await answer(dense([1, 1], true), [1, 10])).y).toEqual([16, 112]);
    // [[1, 1.5], [-2, 18]]
    expect((await answer(dense([1, -2], true), [1, 10])).y).toEqual([16, 178]);
  });

  test("are refused as weights of a layer, by name", async () => {
    await expect(loadTflite(dense([1, -2], false))).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("node 0 FULLY_CONNECTED"),
    });
    await expect(loadTflite(dense([1, -2], false))).rejects.toThrow("has weights whose zero points differ");
    await expect(loadTflite(dense([1, 1], false))).rejects.toThrow(
      "has weights with a zero point on float activations",
    );
  });

  test("are damaged if their number differs from that of the scales, or one is not int8", async () => {
    for (const [zeroPoint, why] of [
      [[1, 2, 3], "3 zero points for 2 scales"],
      [[1, 200], "its zero point is 200"],
    ] as const)
      await expect(loadTflite(dense(zeroPoint, true))).rejects.toMatchObject({
        code: "damaged",
        message: expect.stringContaining(why),
      });
  });
});

const ANSWERED = [...(await answered()), ...(await answered("functions"))];
const FAMILIES = [...new Set(ANSWERED.map(c => c.name.split(" ")[0]!))];

test("answered: the vectors cover many operators", () => {
  expect(ANSWERED.length).toBeGreaterThan(1000);
  expect(FAMILIES.length).toBeGreaterThan(50);
});

/** Integers to the bit, floats within 1e-5 of each number and 1e-6. */
async function expectAnswer({ name, within, model, inputs, outputs }: Answered): Promise<void> {
  const net = await (await loadTflite(model)).net();
  const all = [net.run(inputs.length === 1 ? inputs[0]! : inputs)].flat();
  outputs.forEach((expected, k) => {
    const got = all[k]!;
    expect([got.constructor, got.length], name).toEqual([expected.constructor, expected.length]);
    const off = expected.findIndex((v, i) => {
      const error = Math.abs(v - got[i]!);
      return !(expected instanceof Float32Array ? error <= 1e-6 + 1e-5 * Math.abs(v) : error <= (within ?? 0));
    });
    if (off >= 0) expect.fail(`${name}: answer ${off} is ${got[off]}, expected ${expected[off]}`);
  });
}

test.each(await answered("networks"))("$name answers as LiteRT does", expectAnswer);

const familyOf = ({ name }: Answered) => name.split(" ")[0]!;

test.each(FAMILIES)("%s answers as LiteRT does", async family => {
  for (const one of ANSWERED) if (familyOf(one) === family) await expectAnswer(one);
});

const UNSIGNED = await answered("unsigned");

test.each([...new Set(UNSIGNED.map(familyOf))])("%s of uint8 answers as LiteRT does", async family => {
  for (const one of UNSIGNED) if (familyOf(one) === family) await expectAnswer(one);
});

test.each(await answered("batches"))("a batch of images, $name: as LiteRT does", expectAnswer);

test("loadTflite: a sequence dilated by SPACE_TO_BATCH_ND, as Conv1D with causal padding writes it", async () => {
  // y[t] = x[t - 4] + 10 x[t - 2] + 100 x[t]
  const tensors: BuiltTensor[] = [
    { shape: [1, 6, 1], signature: [-1, 6, 1] },
    ints(2),
    { type: "int32", shape: [1, 2], data: Int32Array.of(4, 0) },
    { shape: [2, 5, 1] },
    ints(1),
    { shape: [2, 1, 5, 1] },
    floats([1, 1, 3, 1], 1, 10, 100),
    { shape: [2, 1, 3, 1] },
    { shape: [2, 3, 1] },
    { type: "int32", shape: [1, 2], data: Int32Array.of(0, 0) },
    { shape: [1, 6, 1] },
  ];
  const valid = { 0: { i8: 1 }, 1: 1, 2: 1 };
  const operators: BuiltOperator[] = [
    { name: "SPACE_TO_BATCH_ND", inputs: [0, 1, 2], outputs: [3] },
    { name: "EXPAND_DIMS", inputs: [3, 4], outputs: [5] },
    { name: "CONV_2D", inputs: [5, 6, -1], outputs: [7], options: valid },
    { name: "SQUEEZE", inputs: [7], outputs: [8], options: { 0: [1] } },
    { name: "BATCH_TO_SPACE_ND", inputs: [8, 1, 9], outputs: [10] },
  ];
  const x = [1, 2, 3, 4, 5, 6];
  const { shape, y } = await answer(built({ tensors, operators, inputs: [0], outputs: [10] }), x);
  expect(shape).toEqual([6, 1]);
  expect(y).toEqual(x.map((v, t) => 100 * v + 10 * (x[t - 2] ?? 0) + (x[t - 4] ?? 0)));
});

describe("loadTflite: unsupported operators", () => {
  const named = async (bytes: Uint8Array) =>
    (await loadTflite(bytes).then(
      () => undefined,
      e => e,
    )) as { code: string; message: string };

  test("are named all at once, without their dependents", async () => {
    const tensors = [{ shape: [1, 4] }, ...["cosine", "after", "sine", "sum"].map(name => ({ name, shape: [1, 4] }))];
    const operators: BuiltOperator[] = [
      { name: "COS", inputs: [0], outputs: [1] },
      { name: "RELU", inputs: [1], outputs: [2] },
      { name: "SIN", inputs: [0], outputs: [3] },
      { name: "ADD", inputs: [2, 3], outputs: [4] },
    ];
    const error = await named(built({ tensors, operators, inputs: [0], outputs: [4] }));
    expect(error.code).toBe("unsupported");
    expect(error.message).toBe(
      'this network cannot be read: node 0 COS ("cosine") is not among the operators read here; ' +
        'node 2 SIN ("sine") is not among the operators read here',
    );
  });

  test("constants of unsupported types are named with the others", async () => {
    const strange = { name: "halves", type: "uint16" as const, shape: [2], data: Int8Array.of(1, 2) };
    const tensors: BuiltTensor[] = [
      { shape: [1, 2] },
      strange,
      { shape: [1, 2] },
      { shape: [1, 2] },
      { shape: [1, 2] },
    ];
    const operators: BuiltOperator[] = [
      { name: "ADD", inputs: [0, 1], outputs: [2] },
      { name: "COS", inputs: [0], outputs: [3] },
      { name: "ADD", inputs: [2, 3], outputs: [4] },
    ];
    const { message } = await named(built({ tensors, operators, inputs: [0], outputs: [4] }));
    expect(message).toContain('tensor 1 ("halves"): constants of type uint16 are not read');
    expect(message).toContain("node 1 COS");
  });

  test.each([
    ["a sine", single("SIN", [1, 2], [1, 2], []), "is not among the operators read here"],
    ["the batch repeated", single("TILE", [1, 2], [2, 2], [ints(2, 1)]), "repeats the batch"],
    ["the batch reduced", single("MEAN", [1, 2], [2], [ints(0)]), "reduces over the batch"],
    [
      "a softmax over the images of a fixed batch",
      built({
        tensors: [{ shape: [3, 2] }, ints(1, 0), { shape: [2, 3] }, { shape: [2, 3] }],
        operators: [
          { name: "TRANSPOSE", inputs: [0, 1], outputs: [2] },
          { name: "SOFTMAX", inputs: [2], outputs: [3], options: { 0: { f32: 1 } } },
        ],
        inputs: [0],
        outputs: [3],
      }),
      "computes along the batch; the file fixes the batch: converted with a batch of 1, or of any size, it may be read",
    ],
    [
      "a fixed batch beside an open one",
      built({
        tensors: [{ shape: [3, 2] }, { shape: [1, 2], signature: [-1, 2] }],
        operators: [],
        inputs: [0, 1],
        outputs: [0],
      }),
      "has a fixed batch of 3",
    ],
    [
      "an open axis",
      built({ tensors: [{ shape: [1, 1], signature: [-1, -1] }], operators: [], inputs: [0], outputs: [0] }),
      "has an axis (1) of any size",
    ],
    [
      "integers of 16 bits",
      built({ tensors: [{ shape: [1, 1], type: "uint16" }], operators: [], inputs: [0], outputs: [0] }),
      "is uint16; float32, int8 and uint8 are read",
    ],
  ])("%s", async (_, bytes, message) => {
    expect(await named(bytes)).toMatchObject({ code: "unsupported", message: expect.stringContaining(message) });
  });

  test("uint8 without a scale is damaged", async () => {
    const bytes = built({
      tensors: [{ name: "x", shape: [1, 1], type: "uint8" }],
      operators: [],
      inputs: [0],
      outputs: [0],
    });
    expect(await named(bytes)).toMatchObject({
      code: "damaged",
      message: expect.stringContaining('tensor 0 ("x"): uint8 activations need one scale and one zero point'),
    });
  });

  test("contradictions are damage, and name the node", async () => {
    const tensors = [{ shape: [1, 3] }, ints(1, 5), { name: "out", shape: [1, 5] }];
    const operators: BuiltOperator[] = [{ name: "RESHAPE", inputs: [0, 1], outputs: [2] }];
    expect(await named(built({ tensors, operators, inputs: [0], outputs: [2] }))).toMatchObject({
      code: "damaged",
      message: 'node 0 RESHAPE ("out"): [1,3] cannot be reshaped to [1,5]',
    });
  });
});
