import { readFileSync } from "node:fs";
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
    const here = typeof process === "undefined" ? /^(Chrome|Firefox)\/\d+/ : `node ${process.versions.node}`;
    expect(told.engine).toMatch(here);
    expect(told.threads).toBe(globalThis.crossOriginIsolated ?? true);
    expect(told.relaxed).toBe(told.relaxedDot !== "none");
    expect(supported()).toBe(told);
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
    expect(readFileSync("build/wasm/boot.simd.wasm").length).toBeLessThan(4096);
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
      expect([...unpackText(RUN.packed, bytes)]).toEqual([...made]);
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
      expect(crc32(unpack(binary, variant)), variant).toBe(crc32(made));
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
