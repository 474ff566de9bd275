/** Truncated or altered files give a model or a PenjingError, in bounded time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PenjingError } from "../../../src/base/errors.ts";
import { loadTflite } from "../../../src/formats/tflite/index.ts";
import { bytesOf } from "./vectors.ts";

const FILES = [
  "tflite/mnist_valid_q",
  "tflite-zoo/zoo_wide_int8",
  "tflite-zoo/zoo_sensor_float",
  "tflite/lenet5_poly80_sparse",
  "tflite-public/conv_relu_uint8",
  "tflite-public/branching_conv_fc",
];

/** The error of reading; undefined if it returns a model. */
async function outcome(bytes: Uint8Array): Promise<PenjingError | undefined> {
  try {
    await loadTflite(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof PenjingError) return error;
    throw new Error(`not a PenjingError: ${(error as Error).stack}`);
  }
}

describe.each(FILES)("%s", name => {
  const whole = bytesOf(`${name}.tflite`);

  test("cut short at any length", async () => {
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 300))
      expect(await outcome(whole.slice(0, length)), `${length} bytes`).toBeInstanceOf(PenjingError);
  });

  test("with bytes changed", async () => {
    const places = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(places, async changes => {
        const bytes = whole.slice();
        for (const [at, mask] of changes) bytes[at]! ^= mask;
        await outcome(bytes);
      }),
      { numRuns: 150, seed: 11 },
    );
  });

  test("with every word of its tables changed", async () => {
    // everything but weights is in front of and behind them: sweeps words at both ends
    const words = [...Array(400).keys()]
      .flatMap(i => [4 * i, whole.length - 4 - 4 * i])
      .filter(at => at >= 0 && at + 4 <= whole.length);
    for (const at of words)
      for (const value of [0, 0xffffffff, 0x7fffffff]) {
        const bytes = whole.slice();
        new DataView(bytes.buffer).setUint32(at & ~3, value, true);
        await outcome(bytes);
      }
  });
});

test("loadTflite: errors name the fault and its offset", async () => {
  const whole = bytesOf("tflite/mnist_valid_q.tflite");
  expect(await outcome(new Uint8Array(0))).toMatchObject({ code: "truncated", offset: 0 });
  expect(await outcome(new TextEncoder().encode("this is no network at all"))).toMatchObject({
    code: "magic",
    offset: 4,
  });
  expect(await outcome(whole.slice(0, 2000))).toMatchObject({ code: "truncated" });
  const nowhere = new URL("/files/no-such-file.tflite", globalThis.location?.href ?? "file:///");
  await expect(loadTflite(nowhere)).rejects.toMatchObject({ code: "missing" });
  await expect(loadTflite(whole, { nam: 1 } as never)).rejects.toThrow('"options" has no option "nam"');
});
