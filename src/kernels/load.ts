/**
 * The only place that instantiates WebAssembly: detects the features of the engine, chooses a variant, unpacks and
 * compiles it.
 *
 * Every binary comes in two variants, `simd` and `relaxed`, because one relaxed instruction makes an engine without
 * them reject the whole module. The binaries are embedded in the JavaScript, packed (boot.ts unpacks them).
 *
 * `i32x4.relaxed_dot_i8x16_i7x16_add_s` multiplies signed bytes `a` with bytes `b` whose top bit the specification
 * leaves open. Three behaviours are in the field (V8's lowering of I32x4DotI8x16I7x16AddS):
 * - `u8`: b is unsigned, sums are exact. x86 with AVX-VNNI.
 * - `s8`: b is signed, sums are exact. ARM with the dot-product extension.
 * - `saturating`: b is unsigned, pairs of products saturate at 16 bits (pmaddubsw). x86 without AVX-VNNI. The int8
 *   kernels feed unsigned activations to b, so only `u8` is taken; `s8` and `saturating` run the plain kernels.
 */
import { probe } from "../../build/boot-binaries.ts";
import { oneOf, PenjingError } from "../base/errors.ts";
import * as boot from "./boot.ts";

/**
 * Kernels compiled for plain SIMD, which every engine has, or with relaxed SIMD, whose int8 dot product is twice as
 * fast where it is exact.
 */
export type Variant = "simd" | "relaxed";

/**
 * The behaviour of `i32x4.relaxed_dot_i8x16_i7x16_add_s` with a second operand over 127; `none`: the engine does not
 * have it.
 */
export type RelaxedDot = "u8" | "s8" | "saturating" | "none";

/** The features of the engine, by which `chooseVariant` decides. */
export interface Support {
  /** 128-bit SIMD: without it nothing runs. */
  readonly simd: boolean;
  /** Relaxed SIMD instructions are accepted. */
  readonly relaxed: boolean;
  readonly relaxedDot: RelaxedDot;
  /** Memory can be shared between threads. */
  readonly threads: boolean;
  /** Name and version, as far as the engine says: "node 20.20.2 (v8 11.3.244.8)". */
  readonly engine: string;
}

/** A compiled kernel collection, embedded as text. */
export interface Binary {
  readonly name: "run" | "train";
  /** Its variants, packed (see boot.ts). Other binaries, which these resemble, may precede them in it. */
  readonly packed: string;
  /** The bytes of each variant in the unpacked stream. */
  readonly variants: Readonly<Record<Variant, readonly [from: number, to: number]>>;
  /** The signatures of its kernels: see forms.ts. */
  readonly kernels: string;
  /** True if the variants give the same bits, so that the faster is the default. */
  readonly automatic: boolean;
}

/** The exports of an instance. */
export interface Kernels {
  /** Interprets the program at byte address `pc`. */
  run(pc: number): void;
}

// ---------------------------------------------------------------- features of the engine

let known: Support | undefined;

/** The features of this engine. The first call runs a module of a hundred bytes; later calls return the same object. */
export function supported(): Support {
  if (known) return known;
  const simd = boot.hasSimd();
  const relaxed = simd && WebAssembly.validate(boot.bytesOf(probe));
  known = Object.freeze({
    simd,
    relaxed,
    relaxedDot: relaxed ? probeDot() : "none",
    threads: canShareMemory(),
    engine: boot.engineName(),
  });
  return known;
}

/**
 * Pairs of operands, repeated to 16 bytes, that distinguish the behaviours: the largest and smallest sums an unsigned b
 * can give (their pairs leave 16 bits: saturation), a plain one, and XNNPACK's two (src/configs/hardware-config.c),
 * which mix signs of b in a group.
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
  const instance = new WebAssembly.Instance(new WebAssembly.Module(boot.bytesOf(probe)), { env: { memory } });
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

// ---------------------------------------------------------------- the choice

/** The global key of the forced variant, shared by all copies of this module: `penjing/run` is a bundle of its own. */
const FORCED = Symbol.for("penjing.variant");
const shared = globalThis as { [FORCED]?: Variant | undefined };

/**
 * Forces `variant` for every later choice, whatever the probe says; `undefined` returns the choice to the probe. For
 * tests: where the relaxed dot is not `u8`, the relaxed int8 kernels are only right for activations in 0..127. Training
 * is not affected. Throws a PenjingError with code "no-simd" or "no-relaxed-simd" where the engine cannot load it.
 */
export function forceVariant(variant: Variant | undefined): void {
  if (variant !== undefined) demand(variant);
  shared[FORCED] = variant;
}

/**
 * Which variant of `binary` will be loaded here (default: of the running binary).
 * Throws a PenjingError with code "no-simd" on an engine without SIMD.
 */
export function chooseVariant(binary?: Binary): Variant {
  demand("simd");
  if (binary && !binary.automatic) return "simd";
  return shared[FORCED] ?? (supported().relaxedDot === "u8" ? "relaxed" : "simd");
}

function demand(variant: Variant): void {
  oneOf("variant", variant, ["simd", "relaxed"]);
  const { simd, relaxed, engine } = supported();
  if (!simd) throw boot.noSimd();
  if (variant === "relaxed" && !relaxed)
    throw new PenjingError(
      "no-relaxed-simd",
      `the relaxed kernels need WebAssembly relaxed SIMD, which this engine does not have: ${engine}`,
    );
}

// ---------------------------------------------------------------- loading

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/**
 * The compiled binary, kept for later instances. Called early, it compiles in the background. The promise need not be
 * awaited: a failure is thrown again when the kernels are loaded.
 */
export function compile(binary: Binary, variant: Variant = chooseVariant(binary)): Promise<WebAssembly.Module> {
  demand(variant);
  const key = `${binary.name}-${variant}`;
  let module = compiled.get(key);
  if (!module) {
    module = WebAssembly.compile(unpack(binary, variant));
    module.catch(() => {});
    compiled.set(key, module);
  }
  return module;
}

/** The bytes of a binary. */
export const unpack = ({ packed, variants }: Binary, variant: Variant): Uint8Array<ArrayBuffer> =>
  boot.unpack(packed, ...variants[variant]);

/**
 * Instantiates the kernels of `binary` over `memory`, which belongs to the caller: nothing in it is written before a
 * kernel is called. Throws a PenjingError with code "no-simd" or "no-relaxed-simd" where the engine cannot load the
 * variant.
 */
export async function instantiate(binary: Binary, memory: WebAssembly.Memory, variant?: Variant): Promise<Kernels> {
  const { exports } = await WebAssembly.instantiate(await compile(binary, variant), { env: { memory } });
  return exports as unknown as Kernels;
}
