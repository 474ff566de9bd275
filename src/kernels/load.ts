/**
 * The only place that instantiates WebAssembly: finds out what the engine can do, chooses a variant, unpacks and compiles it.
 *
 * Every binary comes in two variants, `simd` and `relaxed`, because one relaxed instruction makes an engine without them
 * reject the whole module. The binaries are embedded in the JavaScript, deflated, then base64.
 *
 * `i32x4.relaxed_dot_i8x16_i7x16_add_s` multiplies signed bytes `a` with bytes `b` whose top bit the specification leaves open.
 * Three behaviours are in the field (V8's lowering of I32x4DotI8x16I7x16AddS):
 * - `u8`: b is unsigned, sums are exact. x86 with AVX-VNNI.
 * - `s8`: b is signed, sums are exact. ARM with the dot-product extension.
 * - `saturating`: b is unsigned, pairs of products saturate at 16 bits (pmaddubsw). x86 without AVX-VNNI.
 * The int8 kernels feed unsigned activations to b, so only `u8` is taken; `s8` and `saturating` run the plain kernels.
 */
import { instantiate as instantiateInBrowser, instantiateSync as instantiateInNode } from "@assemblyscript/loader";
import { relaxed as probeRelaxed, simd as probeSimd } from "../../build/probe-binaries.ts";
import { PenjingError } from "../base/errors.ts";
import { nodeModule } from "../base/source.ts";
import type { KernelName } from "./table.ts";

/** Kernels compiled for plain SIMD, which every engine has, or with relaxed SIMD, whose int8 dot product is twice as fast where it is exact. */
export type Variant = "simd" | "relaxed";

/** What `i32x4.relaxed_dot_i8x16_i7x16_add_s` does with a second operand over 127; `none`: the engine does not have it. */
export type RelaxedDot = "u8" | "s8" | "saturating" | "none";

/** What the engine has; `chooseVariant` decides by it. */
export interface Support {
  /** 128-bit SIMD: without it nothing runs. */
  readonly simd: boolean;
  /** Relaxed SIMD instructions are accepted. */
  readonly relaxed: boolean;
  readonly relaxedDot: RelaxedDot;
  /** Memory can be shared between threads. */
  readonly threads: boolean;
  /** Name and version, as far as the engine tells: "node 20.20.2 (v8 11.3.244.8)". */
  readonly engine: string;
}

/** A compiled kernel collection, embedded as text. */
export interface Binary {
  readonly name: "run" | "train";
  /** Deflated (raw), then base64. */
  readonly simd: string;
  /** How the relaxed variant is made from the plain one (scripts/build.mjs tells the form), packed likewise. */
  readonly relaxedFromSimd: string;
  /** The variants give the same bits, so the faster may be chosen unasked. */
  readonly automatic: boolean;
}

/** The kernels of one instance, by name; arguments in the order of the kernel table. A kernel its binary lacks is undefined. */
export type Kernels = Readonly<Record<KernelName, (...args: number[]) => void>> & {
  /** Interprets the program at byte address `pc`. */
  run(pc: number): void;
};

// ---------------------------------------------------------------- what the engine can do

let known: Support | undefined;

/** What this engine can do. The first call runs two modules of a few hundred bytes; later calls return the same object. */
export function supported(): Support {
  if (known) return known;
  const simd = WebAssembly.validate(bytesOf(probeSimd));
  const relaxed = simd && WebAssembly.validate(bytesOf(probeRelaxed));
  known = Object.freeze({
    simd,
    relaxed,
    relaxedDot: relaxed ? probeDot() : "none",
    threads: canShareMemory(),
    engine: engineName(),
  });
  return known;
}

/**
 * Pairs of operands, repeated to 16 bytes, that tell the behaviours apart: the largest and smallest sums an unsigned b can give
 * (their pairs leave 16 bits: saturation), a plain one, and XNNPACK's two (src/configs/hardware-config.c), which mix signs of b in a group.
 */
const PROBES: readonly { a: readonly number[]; b: readonly number[] }[] = [
  { a: [127], b: [255] },
  { a: [-128], b: [255] },
  { a: [1], b: [255] },
  { a: [1, 0, 0, 0], b: [128] },
  { a: [-128], b: [128, 128, 128, 128, 128, 128, 255, 255, 255, 255, 128, 128, 255, 255, 255, 255] },
];

function probeDot(): RelaxedDot {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytesOf(probeRelaxed)), { env: { memory } });
  const dot = instance.exports.dot as (a: number, b: number, c: number, y: number) => void;
  const [a, b, c, y] = [64, 80, 96, 112];
  const operand = (at: number) => new Uint8Array(memory.buffer, at, 16);
  const lanes = (at: number) => new Int32Array(memory.buffer, at, 4);
  let unsigned = true;
  let signed = true;
  for (const probe of PROBES) {
    operand(a).forEach((_, i, all) => {
      all[i] = probe.a[i % probe.a.length]!;
    });
    operand(b).forEach((_, i, all) => {
      all[i] = probe.b[i % probe.b.length]!;
    });
    lanes(c).set([0, 1, -1, 1 << 20]);
    dot(a, b, c, y);
    const expected = (bytes: Uint8Array | Int8Array) =>
      lanes(c).map((start, lane) =>
        [0, 1, 2, 3].reduce((sum, i) => sum + ((operand(a)[4 * lane + i]! << 24) >> 24) * bytes[4 * lane + i]!, start),
      );
    const got = lanes(y).join();
    unsigned = unsigned && got === expected(operand(b)).join();
    signed = signed && got === expected(new Int8Array(memory.buffer, b, 16)).join();
  }
  return unsigned ? "u8" : signed ? "s8" : "saturating";
}

function canShareMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  // pages without cross-origin isolation can make such a memory, but not send it to a worker
  if ((globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === false) return false;
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}

function engineName(): string {
  const versions = (globalThis as { process?: { versions?: Record<string, string | undefined> } }).process?.versions;
  if (versions?.node)
    return `${versions.bun ? `bun ${versions.bun}` : `node ${versions.node}`}${versions.v8 ? ` (v8 ${versions.v8})` : ""}`;
  const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? "unknown engine";
  // the last "Name/version" of the usual ones says most: "Chrome/156.0.0.0", "Firefox/147.0", "Version/26.0 Safari/605.1.15"
  return /(?:Firefox|Edg|Chrome|Deno)\/[\d.]+/.exec(agent)?.[0] ?? /Version\/[\d.]+ Safari/.exec(agent)?.[0] ?? agent;
}

// ---------------------------------------------------------------- the choice

let forced: Variant | undefined;

/**
 * Makes every later choice `variant`, whatever the probe says; `undefined` gives the choice back to the probe. For tests: where
 * the relaxed dot is not `u8`, the relaxed int8 kernels are only right for activations in 0..127. Training is not concerned.
 * Throws a PenjingError with code "no-simd" or "no-relaxed-simd" where the engine cannot load it.
 */
export function forceVariant(variant: Variant | undefined): void {
  if (variant !== undefined) demand(variant);
  forced = variant;
}

/**
 * Which variant of `binary` will be loaded here (default: of the running binary).
 * Throws a PenjingError with code "no-simd" on an engine without SIMD.
 */
export function chooseVariant(binary?: Binary): Variant {
  demand("simd");
  if (binary && !binary.automatic) return "simd";
  return forced ?? (supported().relaxedDot === "u8" ? "relaxed" : "simd");
}

function demand(variant: Variant): void {
  const { simd, relaxed, engine } = supported();
  if (!simd)
    throw new PenjingError("no-simd", `penjing needs WebAssembly SIMD, which this engine does not have: ${engine}`);
  if (variant === "relaxed" && !relaxed)
    throw new PenjingError(
      "no-relaxed-simd",
      `the relaxed kernels need WebAssembly relaxed SIMD, which this engine does not have: ${engine}`,
    );
}

// ---------------------------------------------------------------- loading

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/** The compiled binary, kept for later instances. */
export function compile(binary: Binary, variant: Variant = chooseVariant(binary)): Promise<WebAssembly.Module> {
  demand(variant);
  const key = `${binary.name}-${variant}`;
  let module = compiled.get(key);
  if (!module) {
    module = unpack(binary, variant).then(bytes => WebAssembly.compile(bytes));
    compiled.set(key, module);
  }
  return module;
}

/** The bytes of a binary, as the compiler made them. */
export async function unpack(binary: Binary, variant: Variant): Promise<Uint8Array<ArrayBuffer>> {
  const simd = await inflate(bytesOf(binary.simd));
  return variant === "simd" ? simd : patch(simd, await inflate(bytesOf(binary.relaxedFromSimd)));
}

/** What `difference` in scripts/build.mjs tells: bytes to insert and stretches of `from` to copy, in turn. */
function patch(from: Uint8Array, told: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let at = 0;
  let place = 0;
  const varint = (): number => {
    let n = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = told[at++]!;
      n |= (byte & 127) << shift;
      if (byte < 128) return n;
    }
  };
  while (at < told.length) {
    const inserted = varint();
    parts.push(told.subarray(at, at + inserted));
    at += inserted;
    const copied = varint();
    const jump = varint();
    place += jump & 1 ? -((jump + 1) >> 1) : jump >> 1;
    parts.push(from.subarray(place, place + copied));
    place += copied;
  }
  return joined(parts);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The kernels of `binary` over `memory`, which stays the caller's: nothing in it is written before a kernel is called.
 * Throws a PenjingError with code "no-simd" or "no-relaxed-simd" where the engine cannot load the variant.
 */
export async function instantiate(binary: Binary, memory: WebAssembly.Memory, variant?: Variant): Promise<Kernels> {
  const module = await compile(binary, variant);
  // the loader's asynchronous way first asks whether the module is a Response, which in Node loads all of fetch: measured 27 to 53 ms.
  // The synchronous way is for Node alone: older browsers refuse it on the main thread for more than 4 kB.
  const instantiateModule = nodeModule("node:zlib") ? instantiateInNode : instantiateInBrowser;
  const { instance } = await instantiateModule(module, { env: { memory } });
  // not the loader's own `exports`: those wrap every function in one that spreads its arguments, which costs as much as a small kernel
  return instance.exports as unknown as Kernels;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  // Node's own zlib where there is one: measured 0.4 to 3 ms for the first call, a DecompressionStream takes 7 to 11
  const zlib = nodeModule("node:zlib");
  if (zlib) return new Uint8Array(zlib.inflateRawSync(bytes));
  if (typeof DecompressionStream === "undefined")
    throw new PenjingError(
      "no-inflate",
      `penjing needs DecompressionStream, which this engine does not have: ${engineName()}`,
    );
  // a Response around the stream would be shorter, but loads all of `fetch` in some engines
  const stream = new DecompressionStream("deflate-raw");
  const writer = stream.writable.getWriter();
  const written = writer.write(bytes).then(() => writer.close());
  const parts: Uint8Array[] = [];
  const reader = stream.readable.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
  await written;
  return joined(parts);
}
