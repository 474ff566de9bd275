/**
 * The small WebAssembly module that comes before the kernels (assembly/boot.ts): it unpacks the binaries embedded in
 * the JavaScript (docs/packing.md). It is compiled synchronously when it is first needed, which browsers allow below 4
 * kB.
 */
import { boot } from "../../build/boot-binaries.ts";
import { PenjingError } from "../base/errors.ts";
import { roundUp } from "../base/shape.ts";

interface Boot {
  readonly memory: WebAssembly.Memory;
  decode(text: number, characters: number): void;
  unpack(from: number, to: number, bytes: number): number;
}

const PAGE = 65536;
/** Memory below is the module's own. */
const FIRST = 16384;

/** The module, compiled once; undefined on an engine without SIMD, which refuses it. */
let compiled: { readonly module: WebAssembly.Module | undefined } | undefined;

function module(): WebAssembly.Module | undefined {
  if (compiled) return compiled.module;
  const code = bytesOf(boot);
  try {
    compiled = { module: new WebAssembly.Module(code) };
  } catch (cause) {
    // the policy of a page may forbid compiling a valid module
    if (WebAssembly.validate(code)) throw cause;
    compiled = { module: undefined };
  }
  return compiled.module;
}

/** 128-bit SIMD: without it nothing runs. */
export const hasSimd = (): boolean => module() !== undefined;

/**
 * An instance with a memory of its own of at least that many bytes. Throws a PenjingError with code "no-simd" on an
 * engine without SIMD.
 */
function instance(bytes: number): Boot {
  const code = module();
  if (!code) throw noSimd();
  const memory = new WebAssembly.Memory({ initial: Math.ceil((FIRST + bytes) / PAGE) });
  return { memory, ...new WebAssembly.Instance(code, { env: { memory } }).exports } as Boot;
}

export const noSimd = (): PenjingError =>
  new PenjingError("no-simd", `penjing needs WebAssembly SIMD, which this engine does not have: ${engineName()}`);

/** Unpacks the bytes `from` to `to` of `packed`: LZMA without a header, as text that begins with its alphabet. */
export function unpack(packed: string, from: number, to: number): Uint8Array<ArrayBuffer> {
  const { memory, decode, unpack } = instance(packed.length + to);
  const content = FIRST + packed.length;
  new TextEncoder().encodeInto(packed, new Uint8Array(memory.buffer, FIRST));
  decode(FIRST, packed.length);
  unpack(FIRST, content, to);
  return new Uint8Array(memory.buffer, content + from, to - from);
}

/** Decodes the hexadecimal of binaries that are not packed. */
export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  const length = hex.length / 2;
  const view = new DataView(new ArrayBuffer(roundUp(length, 4)));
  // four bytes at a time take a third of the time of single bytes
  for (let at = 0; at < length; at += 4) {
    const digits = hex.slice(2 * at, 2 * at + 8).padEnd(8, "0");
    view.setUint32(at, Number.parseInt(digits, 16));
  }
  return new Uint8Array(view.buffer, 0, length);
}

/** Name and version, as far as the engine says: "node 20.20.2 (v8 11.3.244.8)". */
export function engineName(): string {
  const versions = (globalThis as { process?: { versions?: Record<string, string | undefined> } }).process?.versions;
  if (versions?.node) {
    const engine = versions.bun ? `bun ${versions.bun}` : `node ${versions.node}`;
    return versions.v8 ? `${engine} (v8 ${versions.v8})` : engine;
  }
  const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? "unknown engine";
  // the last "Name/version" of the usual ones is the most specific: "Chrome/156.0.0.0", "Firefox/147.0", "Version/26.0
  // Safari/605.1.15"
  return /(?:Firefox|Edg|Chrome|Deno)\/[\d.]+/.exec(agent)?.[0] ?? /Version\/[\d.]+ Safari/.exec(agent)?.[0] ?? agent;
}
