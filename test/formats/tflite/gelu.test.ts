/** GELU in int8, as TensorFlow's converter writes it, against LiteRT, for every input. */
import { expect, test } from "vitest";
import { loadTflite } from "../../../src/formats/tflite/index.ts";
import { bytesOf } from "./vectors.ts";

test.each(["gelu_int8", "gelu_tanh_int8"])("loadTflite of %s gives LiteRT's bytes for all 256 codes", async name => {
  const net = await (await loadTflite(await bytesOf(`tflite/${name}.tflite`))).net();
  const codes = Int8Array.from({ length: 256 }, (_, i) => i - 128);
  const expected = new Int8Array((await bytesOf(`tflite/${name}.out.s8.bin`)).slice().buffer);
  expect(net.run(codes)).toEqual(expected);
});
