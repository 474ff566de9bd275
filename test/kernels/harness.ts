/**
 * Runs single kernels on memory that is filled with NaN first, and checks that nothing outside an output is written. A
 * suite is a function of a `Bench`, run over every binary and variant that this engine can load.
 */
import { readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import { describe } from "vitest";
import { KERNELS, type KernelName } from "../../src/kernels/table.ts";

const PAGES = 256;
const GUARD = 0x7fc0dead; // a NaN with a mark in it

export class Bench {
  readonly memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
  readonly f32 = new Float32Array(this.memory.buffer);
  readonly i32 = new Int32Array(this.memory.buffer);
  readonly u32 = new Uint32Array(this.memory.buffer);
  readonly i8 = new Int8Array(this.memory.buffer);
  readonly u8 = new Uint8Array(this.memory.buffer);
  /** The word that fills untouched memory. */
  readonly poison = GUARD;
  readonly exports: Record<string, (...args: number[]) => void>;
  #top = 4096;
  #outputs: { at: number; bytes: number; slack: number }[] = [];

  constructor(
    readonly binary: string,
    readonly variant: "simd" | "relaxed",
    module: WebAssembly.Module,
  ) {
    this.exports = instantiateSync(module, { env: { memory: this.memory } }).exports as never;
    this.reset();
  }

  reset(): void {
    this.u32.fill(GUARD);
    this.#top = 4096;
    this.#outputs = [];
  }

  #place(bytes: number): number {
    const at = this.#top;
    this.#top = at + Math.ceil((bytes + 512) / 64) * 64;
    if (this.#top > this.memory.buffer.byteLength) throw new Error("harness memory is full");
    return at;
  }

  /** Places `data`, with NaN (as bytes 0xdead7fc0) before and after it. */
  input(data: ArrayBufferView): number {
    const at = this.#place(data.byteLength);
    this.u8.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    return at;
  }

  /**
   * Reserves `bytes`, poisoned; the memory after them must be unchanged after `run`, except for the row's overWrite.
   */
  output(bytes: number): number {
    const at = this.#place(bytes);
    this.#outputs.push({ at, bytes, slack: 0 });
    return at;
  }

  /** Calls a kernel by name with arguments by name, and checks the guards behind every output. */
  run(kernel: KernelName, args: Record<string, number>): void {
    const row = KERNELS[kernel];
    const list = Object.keys(row.args).map(name => {
      if (!(name in args)) throw new Error(`${kernel} needs ${name}`);
      return args[name]!;
    });
    for (const name of Object.keys(args)) if (!(name in row.args)) throw new Error(`${kernel} has no argument ${name}`);
    this.exports[kernel]!(...list);
    for (const { at, bytes } of this.#outputs) {
      const from = at + bytes + (row.overWrite ?? 0);
      for (let p = Math.ceil(from / 4) * 4; p < from + 256; p += 4)
        if (this.u32[p >> 2] !== GUARD) throw new Error(`${kernel} wrote ${p - at - bytes} bytes past an output`);
    }
  }
}

const modules = new Map<string, WebAssembly.Module>();
function load(binary: string, variant: string): WebAssembly.Module | undefined {
  const file = `build/wasm/${binary}.${variant}.wasm`;
  if (!modules.has(file)) {
    const bytes = readFileSync(file);
    if (!WebAssembly.validate(bytes)) return undefined;
    modules.set(file, new WebAssembly.Module(bytes));
  }
  return modules.get(file);
}

/** Describes `suite` once per variant that this engine can load. */
export function overVariants(name: string, binary: "run" | "train", suite: (bench: Bench) => void): void {
  for (const variant of ["simd", "relaxed"] as const) {
    const module = load(binary, variant);
    if (module) describe(`${name} (${binary}, ${variant})`, () => suite(new Bench(binary, variant, module)));
  }
}

/** Deterministic numbers in [-1, 1). */
export function noise(n: number, seed = 1): Float32Array {
  let s = seed >>> 0 || 1;
  return Float32Array.from({ length: n }, () => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) / 2147483648 - 1;
  });
}
