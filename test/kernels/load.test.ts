import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { END, formOf } from "../../src/kernels/forms.ts";
import { chooseVariant, compile, forceVariant, instantiate, supported, unpack } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { TRAIN } from "../../src/kernels/load-train.ts";

afterEach(() => forceVariant(undefined));

describe("supported: the engine's features", () => {
  test("are probed once, and reported with the engine's name", () => {
    const told = supported();
    expect(told.simd).toBe(true);
    const here = typeof process === "undefined" ? /^(Chrome|Firefox)\/\d+/ : `node ${process.versions.node}`;
    expect(told.engine).toMatch(here);
    expect(told.threads).toBe(globalThis.crossOriginIsolated ?? true);
    expect(told.relaxed).toBe(told.relaxedDot !== "none");
    expect(supported()).toBe(told);
  });
});

describe("chooseVariant: the choice of a variant", () => {
  test("follows the probe, and training is plain", () => {
    expect(chooseVariant()).toBe(supported().relaxedDot === "u8" ? "relaxed" : "simd");
    expect(chooseVariant(RUN)).toBe(chooseVariant());
    expect(chooseVariant(TRAIN)).toBe("simd");
  });

  test("can be forced if the engine supports it, and reset", () => {
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

describe("unpack: the module that runs before the kernels", () => {
  test("is small enough for a page's main thread to compile at once", () => {
    expect(readFileSync("build/wasm/boot.simd.wasm").length).toBeLessThan(4096);
  });
});

/**
 * The bodies of a module's functions: sections are an id, a size and contents; the code section has a count, then sizes
 * and bodies.
 */
function codeOf(module: Uint8Array): string[] {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  for (;;) {
    const id = module[at++];
    const size = number();
    if (id === 10) break;
    at += size;
  }
  return Array.from({ length: number() }, () => {
    const size = number();
    at += size;
    return module.subarray(at - size, at).join();
  });
}

describe("compile and instantiate", () => {
  test.each([RUN, TRAIN])("$name unpacks to what the compiler made, but for what it exports", async binary => {
    for (const variant of ["simd", "relaxed"] as const) {
      const made = codeOf(readFileSync(`build/wasm/${binary.name}.${variant}.wasm`));
      expect(made.length).toBeGreaterThan(50);
      expect(codeOf(unpack(binary, variant)), variant).toEqual(made);
      if (variant === "simd" || supported().relaxed)
        expect(WebAssembly.Module.exports(await compile(binary, variant))).toEqual([{ name: "run", kind: "function" }]);
    }
  });

  test("compiles once for many instances, each with its own memory", async () => {
    expect(await compile(RUN)).toBe(await compile(RUN));
    const [one, two] = [1, 2].map(() => new WebAssembly.Memory({ initial: 1 }));
    new Uint8Array(one!.buffer).fill(9);
    new Uint8Array(two!.buffer).fill(9);
    const { run } = await instantiate(RUN, one!);
    await instantiate(RUN, two!);
    new Int32Array(one!.buffer).set([formOf(RUN.kernels, "zero").number, 4, 64, 16, END]);
    run(0);
    const bytes = new Uint8Array(one!.buffer, 32);
    expect([...bytes].flatMap((byte, at) => (byte ? [] : [32 + at]))).toEqual(
      Array.from({ length: 16 }, (_, i) => 64 + i),
    );
    expect(new Uint8Array(two!.buffer)).not.toContain(0);
  });
});
