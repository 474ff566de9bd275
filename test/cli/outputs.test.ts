/** Output files of commands: never the input, and also files that are not regular. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, linkSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dense, sequential } from "../../src/model/index.ts";
import { load } from "../../src/run/index.ts";
import { penjing } from "./penjing.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-outputs-"));
const at = (name: string) => join(folder, name);
const file = at("float.penjing");
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => sequential([dense({ units: 10, inputShape: [784] })], { seed: 1 }).save(file));

describe("prune, quantize and others: --out is the file that is read", () => {
  test.each([["quantize", "--dynamic"], ["quantize"], ["prune"]])(
    "%s %s refuses it, by whatever name",
    async (...verb) => {
      const before = readFileSync(file);
      const [link, twin] = [at(`${verb.join("")}-link`), at(`${verb.join("")}-twin`)];
      symlinkSync(file, link);
      linkSync(file, twin);
      for (const out of [file, link, twin, join(folder, ".", "float.penjing")]) {
        const { code, errors } = await penjing([...verb, file, "--out", out, "--limit", "64"] as string[]);
        expect(code).toBe(2);
        expect(errors).toMatch(
          new RegExp(
            `^penjing ${verb[0]}: expected another file to write than the one that is read, got "[^\n]*--force`,
          ),
        );
      }
      expect(readFileSync(file).equals(before)).toBe(true);
    },
  );

  test("--force replaces it; before and after are those of both", async () => {
    const own = at("own.penjing");
    copyFileSync(file, own);
    const argv = ["quantize", own, "--out", own, "--force", "--limit", "64", "--json"];
    const { code, json } = await penjing(argv);
    expect(code).toBe(0);
    expect(json.before.bytes).toBe(readFileSync(file).length);
    expect(json.after.bytes).toBe(readFileSync(own).length);
    expect(json.after.bytes).toBeLessThan(json.before.bytes / 3);
  });

  test("convert refuses it", async () => {
    const tflite = at("network.tflite");
    copyFileSync("test/vectors/tflite/lenet5_int8.tflite", tflite);
    expect(await penjing(["convert", tflite, tflite])).toMatchObject({ code: 2, out: "" });
    expect(readFileSync(tflite)).toEqual(readFileSync("test/vectors/tflite/lenet5_int8.tflite"));
  });
});

test("quantize and prune name what is quantized already", async () => {
  const small = at("already.penjing");
  for (const how of [["--dynamic"], ["--limit", "64"]]) {
    await penjing(["quantize", file, ...how, "--out", small]);
    for (const verb of ["quantize", "prune"]) {
      const { code, errors } = await penjing([verb, small, "--limit", "64"]);
      expect([code, errors]).toEqual([
        1,
        `penjing ${verb}: ${JSON.stringify(small)} is quantized already: ${verb} the float network it was made of\n`,
      ]);
    }
  }
});

test.skipIf(process.platform === "win32")("quantize and convert write a network into a FIFO", async () => {
  const fifo = at("fifo");
  execFileSync("mkfifo", [fifo]);
  for (const argv of [
    ["quantize", file, "--limit", "64", "--out", fifo],
    ["convert", "test/vectors/tflite/lenet5_int8.tflite", fifo],
  ]) {
    const reader = spawn("cat", [fifo]);
    const chunks: Buffer[] = [];
    reader.stdout.on("data", chunk => chunks.push(chunk));
    const { code, json, errors } = await penjing([...argv, "--json"]);
    await once(reader, "close");
    expect([errors, code, lstatSync(fifo).isFIFO()]).toEqual(["", 0, true]);
    const read = Buffer.concat(chunks);
    expect(json.bytes).toBe(read.length);
    expect((await load(read)).outputs.length).toBe(1);
  }
});
