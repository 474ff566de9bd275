import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { buildSync } from "esbuild";
import { afterEach, describe, expect, test } from "vitest";
import { crc32, unpack as unpackText } from "../../src/kernels/boot.ts";
import { chooseVariant, compile, forceVariant, instantiate, supported, unpack } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { TRAIN } from "../../src/kernels/load-train.ts";
import { inBinary, KERNEL_NAMES, KERNELS } from "../../src/kernels/table.ts";

afterEach(() => forceVariant(undefined));

describe("what the engine can do", () => {
  test("is told once, with the engine's name", () => {
    const told = supported();
    expect(told.simd).toBe(true);
    expect(told.engine).toContain(process.versions.node);
    expect(told.threads).toBe(true);
    expect(told.relaxed).toBe(told.relaxedDot !== "none");
    expect(supported()).toBe(told);
  });

  test("Node 22 and older have no clean relaxed dot", () => {
    const major = Number(process.versions.node.split(".")[0]);
    const possible = major < 22 ? ["none"] : major < 24 ? ["saturating", "s8"] : ["u8", "s8", "saturating"];
    if (!process.execArgv.includes("--experimental-wasm-relaxed-simd"))
      expect(possible).toContain(supported().relaxedDot);
  });
});

describe("the choice of a variant", () => {
  test("follows the probe, and training is plain", () => {
    expect(chooseVariant()).toBe(supported().relaxedDot === "u8" ? "relaxed" : "simd");
    expect(chooseVariant(RUN)).toBe(chooseVariant());
    expect(chooseVariant(TRAIN)).toBe("simd");
  });

  test("can be forced where the engine has it, and given back", () => {
    const own = chooseVariant();
    forceVariant("simd");
    expect(chooseVariant()).toBe("simd");
    if (supported().relaxed) {
      forceVariant("relaxed");
      expect(chooseVariant()).toBe("relaxed");
      expect(chooseVariant(TRAIN)).toBe("simd");
    } else expect(() => forceVariant("relaxed")).toThrow(expect.objectContaining({ code: "no-relaxed-simd" }));
    forceVariant(undefined);
    expect(chooseVariant()).toBe(own);
  });
});

describe("what is needed before the kernels", () => {
  test("is small enough for a page's main thread to compile at once", () => {
    expect(statSync("build/wasm/boot.simd.wasm").size).toBeLessThan(4096);
  });

  test("sums files up: the check value of CRC-32, and pieces of memory in a row", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
    const long = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 7);
    // whatever comes before: with its own sum at the end, the sum is this
    new DataView(long.buffer).setUint32(long.length - 4, crc32(long.subarray(0, -4)), true);
    expect(crc32(long)).toBe(0x2144df1c);
  });

  test("gives of a packed text as much as is asked for", () => {
    for (const bytes of [0, 1, 2, 100, 4097]) {
      const made = readFileSync("build/wasm/run.simd.wasm").subarray(0, bytes);
      expect(made.equals(unpackText(RUN.packed, bytes)), `${bytes} bytes`).toBe(true);
    }
  });
});

describe("loading", () => {
  for (const binary of [RUN, TRAIN])
    test(`${binary.name} has every kernel of its rows, and an interpreter`, async () => {
      const memory = new WebAssembly.Memory({ initial: 1 });
      for (const variant of ["simd", "relaxed"] as const) {
        if (variant === "relaxed" && !supported().relaxed) continue;
        const kernels = await instantiate(binary, memory, variant);
        expect(Object.keys(kernels)).toContain("run");
        for (const name of KERNEL_NAMES) expect(name in kernels, name).toBe(inBinary(KERNELS[name], binary.name));
      }
    });

  test.each([RUN, TRAIN])("$name unpacks to what the compiler made", binary => {
    for (const variant of ["simd", "relaxed"] as const) {
      const made = readFileSync(`build/wasm/${binary.name}.${variant}.wasm`);
      expect(made.equals(unpack(binary, variant)), variant).toBe(true);
    }
  });

  test("compiles once for many instances, each with its own memory", async () => {
    expect(await compile(RUN)).toBe(await compile(RUN));
    const [one, two] = [1, 2].map(() => new WebAssembly.Memory({ initial: 1 }));
    new Uint8Array(one!.buffer).fill(9);
    new Uint8Array(two!.buffer).fill(9);
    const kernels = await instantiate(RUN, one!);
    await instantiate(RUN, two!);
    kernels.zero(64, 16);
    expect(new Uint8Array(one!.buffer).filter(b => b === 0)).toHaveLength(16);
    expect(new Uint8Array(two!.buffer)).not.toContain(0);
  });
});

const ENGINE = `
  import * as load from "./src/kernels/load.ts";
  import { RUN } from "./src/kernels/load-run.ts";
  const memory = new WebAssembly.Memory({ initial: 1 });
`;

/** What `code`, which sees the loader as `load`, leaves in `result`, in a Node of its own. */
function inNode(flags: string[], code: string): unknown {
  const contents = `${ENGINE} let result; ${code}; console.log(JSON.stringify(result));`;
  const { outputFiles } = buildSync({
    stdin: { contents, resolveDir: ".", loader: "ts" },
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const args = [...flags, "--input-type=module", "-e", outputFiles[0]!.text];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

describe("other engines", () => {
  test("one without SIMD is named", () => {
    const code = `try { await load.instantiate(RUN, memory) } catch (e) { result = { ...e, message: e.message } }`;
    expect(inNode(["--no-enable-sse4-1"], code)).toMatchObject({
      code: "no-simd",
      message: expect.stringContaining(`node ${process.versions.node}`),
    });
  });

  test("one without Node's modules unpacks by itself", () => {
    const code = `process.getBuiltinModule = undefined; delete globalThis.DecompressionStream;
      result = typeof (await load.instantiate(RUN, memory)).run`;
    expect(inNode([], code)).toBe("function");
  });

  // Node 20 hides the instructions behind a flag that later ones no longer have; its relaxed dot loses the accumulator, so the probe refuses it
  const flags = process.versions.node.startsWith("20.") ? ["--experimental-wasm-relaxed-simd"] : [];
  test("the relaxed binary loads wherever its instructions are, chosen or not", () => {
    const code = `result = [load.supported().relaxed, typeof (await load.instantiate(RUN, memory, "relaxed")).run]`;
    expect(inNode(flags, code)).toEqual([true, "function"]);
  });
});
