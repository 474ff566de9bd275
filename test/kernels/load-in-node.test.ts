/** The loader in other versions of Node and with other flags. */
import { execFileSync } from "node:child_process";
import { buildSync } from "esbuild";
import { describe, expect, test } from "vitest";
import { supported } from "../../src/kernels/load.ts";

test("supported: Node 22 and older have no exact relaxed dot product", () => {
  const major = Number(process.versions.node.split(".")[0]);
  const possible = major < 22 ? ["none"] : major < 24 ? ["saturating", "s8"] : ["u8", "s8", "saturating"];
  if (!process.execArgv.includes("--experimental-wasm-relaxed-simd"))
    expect(possible).toContain(supported().relaxedDot);
});

const ENGINE = `
  import * as load from "./src/kernels/load.ts";
  import { RUN } from "./src/kernels/load-run.ts";
  const memory = new WebAssembly.Memory({ initial: 1 });
`;

/** Runs `code`, which has the loader as `load`, in a new Node process; returns its `result`. */
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

describe("load: other engines", () => {
  test("one without SIMD is named", () => {
    const code = `try { await load.instantiate(RUN, memory) } catch (e) { result = { ...e, message: e.message } }`;
    expect(inNode(["--no-enable-sse4-1"], code)).toMatchObject({
      code: "no-simd",
      message: expect.stringContaining(`node ${process.versions.node}`),
    });
  });

  test("one that forbids compilation throws its own error", () => {
    const code = `const error = new WebAssembly.CompileError("against the policy of this page");
      WebAssembly.Module = function () { throw error };
      try { await load.instantiate(RUN, memory) } catch (e) { result = { name: e.name, message: e.message } }`;
    expect(inNode([], code)).toEqual({ name: "CompileError", message: "against the policy of this page" });
  });

  test("one without Node's modules unpacks by itself", () => {
    const code = `process.getBuiltinModule = undefined; delete globalThis.DecompressionStream;
      result = typeof (await load.instantiate(RUN, memory)).run`;
    expect(inNode([], code)).toBe("function");
  });

  // Node 20 has the instructions behind a flag that later versions no longer have; its relaxed dot product loses the
  // accumulator, so the probe refuses it
  const flags = process.versions.node.startsWith("20.") ? ["--experimental-wasm-relaxed-simd"] : [];
  test("the relaxed binary loads wherever its instructions are, chosen or not", () => {
    const code = `result = [load.supported().relaxed, typeof (await load.instantiate(RUN, memory, "relaxed")).run]`;
    expect(inNode(flags, code)).toEqual([true, "function"]);
  });
});
