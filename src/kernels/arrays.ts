/**
 * The kernels on typed arrays, for people who benchmark them or build on them.
 *
 * Raw kernels take byte addresses: `alloc` returns arrays in the kernels' memory, whose `byteOffset` is the address.
 * The methods in camelCase take and return ordinary arrays: they copy in, pack, call and copy out, so they are not for
 * hot loops.
 */
import { integer, knownOptions, number, oneOf, wrongType, wrongValue } from "../base/errors.ts";
import { roundUp } from "../base/shape.ts";
import { END, formOf, namesOf, SLACK } from "./forms.ts";
import { groupsOf, panelBytes } from "./i8/panels.ts";
import { storedBytes } from "./i8/stored.ts";
import { panels } from "./layout.ts";
import { type Binary, chooseVariant, instantiate, type Variant } from "./load.ts";
import { RUN } from "./load-run.ts";
import { TRAIN } from "./load-train.ts";
import type { Csr } from "./reference/f32-spmm.ts";
import { type Conv2dGeometry, conv2dScratch } from "./table/f32-conv2d.ts";
import { gemmScratch, MODE } from "./table/f32-gemm.ts";
import type { KernelName } from "./table.ts";

const PAGE = 65536;
/** The lowest address of an allocation, so that none is 0; programs of single calls are below it. */
const FIRST = 128;

type Arrays = Float32Array | Int8Array | Uint8Array | Int32Array | Uint32Array | Int16Array | Uint16Array;

export type { Csr };

interface ArrayType<T extends Arrays> {
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** [m][k] * [k][n] -> [m][n]. */
export interface GemmSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export interface F32GemmOptions extends GemmSizes {
  /** b is [n][k], as the weights of a dense layer are. Default false: [k][n]. */
  readonly bTransposed?: boolean;
  /** Added to each column: n numbers. Default none. */
  readonly bias?: Float32Array;
  /** Negative results become 0. Default false. */
  readonly relu?: boolean;
}

export interface I8GemmOptions extends GemmSizes {
  /** The int8 that stands for 0 in `a`. Default 0. */
  readonly zeroPoint?: number;
  /** Added to each column: n numbers. Default none. */
  readonly bias?: Int32Array;
}

/** real = scale * (q - zeroPoint). */
export interface Affine {
  readonly scale: number;
  /** Default 0. */
  readonly zeroPoint?: number;
}

export interface F32Conv2dOptions {
  /** The shape of one image: [height, width, channels]. */
  readonly input: readonly [height: number, width: number, channels: number];
  readonly filters: number;
  readonly kernel: readonly [height: number, width: number];
  /** Default [1, 1]. */
  readonly strides?: readonly [vertical: number, horizontal: number];
  /** Default [1, 1]. */
  readonly dilations?: readonly [vertical: number, horizontal: number];
  /** Zeros around the image. Default none. */
  readonly pads?: readonly [top: number, bottom: number, left: number, right: number];
  /** The number of groups of channels; outputs of a group depend on inputs of the same group alone. Default 1. */
  readonly groups?: number;
  /** One number per filter. Default none. */
  readonly bias?: Float32Array;
  /** Negative results become 0. Default false. */
  readonly relu?: boolean;
}

export interface KernelsOptions {
  /** Size of the memory. It never grows, so arrays stay valid. Default 64 MiB. */
  readonly bytes?: number;
  /** Default: as `chooseVariant` says. */
  readonly variant?: Variant;
  /** Training kernels may fuse multiply-add, which is faster and rounds once. Needs relaxed SIMD. Default false. */
  readonly fused?: boolean;
}

/** Kernels by name; arguments in the order of the kernel table. */
export type Kernels = Readonly<Record<KernelName, (...args: number[]) => void>>;

/** Every kernel by its name, with a memory to put arrays in. */
export type RawKernels = Kernels & ArrayKernels;

/**
 * Loads all kernels over one new memory. Throws a RangeError for a size that no memory can have, a PenjingError with
 * code "no-simd" or "no-relaxed-simd" where the engine lacks it.
 */
export async function kernels(options: KernelsOptions = {}): Promise<RawKernels> {
  knownOptions("kernels", options, ["bytes", "variant", "fused"]);
  const bytes = integer("bytes", options.bytes ?? 64 * 1024 * 1024, PAGE, 65535 * PAGE);
  const variant = options.variant && oneOf("variant", options.variant, ["simd", "relaxed"]);
  const pages = Math.ceil(bytes / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const [run, train] = await Promise.all([
    instantiate(RUN, memory, variant),
    instantiate(TRAIN, memory, options.fused ? "relaxed" : "simd"),
  ]);
  const raw = { ...calls(TRAIN, train.run, memory), ...calls(RUN, run.run, memory) } as Kernels;
  return Object.assign(new ArrayKernels(memory, variant ?? chooseVariant(RUN), raw), raw);
}

/** The kernels of a binary, each a call of its interpreter with a program of one instruction. */
function calls({ kernels }: Binary, run: (pc: number) => void, memory: WebAssembly.Memory): Partial<Kernels> {
  const words = new Int32Array(memory.buffer, 0, FIRST / 4);
  const floats = new Float32Array(memory.buffer, 0, FIRST / 4);
  const called = (name: KernelName) => {
    const { number, args } = formOf(kernels, name);
    return (...values: number[]) => {
      words[0] = number;
      words[1] = 2 + args.length;
      args.forEach(({ role }, i) => {
        (role === "~" ? floats : words)[2 + i] = values[i]!;
      });
      words[2 + args.length] = END;
      run(0);
    };
  };
  return Object.fromEntries(namesOf(kernels).map(name => [name, called(name)]));
}

/**
 * The result of `kernels()` besides the raw kernels. Errors of all methods: TypeError for a wrong type or option,
 * RangeError for sizes that do not fit.
 */
export class ArrayKernels {
  readonly memory: WebAssembly.Memory;
  readonly variant: Variant;
  readonly #raw: Kernels;
  #top = FIRST;

  /** Use `kernels()`. */
  constructor(memory: WebAssembly.Memory, variant: Variant, raw: Kernels) {
    this.memory = memory;
    this.variant = variant;
    this.#raw = raw;
  }

  /**
   * A zeroed array in the kernels' memory, of `length` elements or with a copy of `data`. Its address, `byteOffset`, is
   * a multiple of 64, and there is room past its end for what kernels over-read and over-write. It is valid until the
   * `scope` it was made in ends. Throws a RangeError where the memory is full.
   */
  alloc<T extends Arrays>(type: ArrayType<T>, data: number | ArrayLike<number>): T {
    const length = typeof data === "number" ? integer("length", data, 0) : data.length;
    const at = this.#top;
    const end = roundUp(at + length * type.BYTES_PER_ELEMENT + SLACK, 64);
    const { byteLength } = this.memory.buffer;
    if (end > byteLength) throw wrongValue("bytes", `a memory of at least ${end} bytes for these arrays`, byteLength);
    this.#top = end;
    new Uint8Array(this.memory.buffer, at, end - at).fill(0);
    const array = new type(this.memory.buffer, at, length);
    if (typeof data !== "number") array.set(data);
    return array;
  }

  /** Runs `work`, then frees what was allocated in it. */
  scope<R>(work: () => R): R {
    const top = this.#top;
    try {
      return work();
    } finally {
      this.#top = top;
    }
  }

  /** a[m][k] * b[k][n] -> [m][n], row by row. Sums run over k from 0 upwards. */
  f32Gemm(a: Float32Array, b: Float32Array, options: F32GemmOptions): Float32Array {
    knownOptions("f32Gemm", options, ["m", "n", "k", "bTransposed", "bias", "relu"]);
    const { m, n, k } = gemmSizes(options);
    elements("a", a, m * k);
    elements("b", b, n * k);
    return this.scope(() => {
      const packed = this.alloc(Float32Array, panels.bytes([n, k], "f32") / 4);
      const [xn, xk] = options.bTransposed ? [4 * k, 4] : [4, 4 * n];
      this.#raw.f32_pack_panels(n, k, this.alloc(Float32Array, b).byteOffset, xn, xk, packed.byteOffset);
      const x = this.alloc(Float32Array, a);
      const y = this.alloc(Float32Array, m * n);
      const { mode, aux } = this.#finish(options, n);
      const at = [x.byteOffset, 4 * k, packed.byteOffset, y.byteOffset, 4 * n] as const;
      const scratch = this.alloc(Uint8Array, gemmScratch(k)).byteOffset;
      this.#raw.f32_gemm(m, n, k, ...at, mode, aux, scratch);
      return y.slice();
    });
  }

  /**
   * Convolution of `x`, any number of NHWC images, with `weight` [filters][kh][kw][channels / groups] -> NHWC.
   * Sums run over (kernel row, kernel column, channel).
   */
  f32Conv2d(x: Float32Array, weight: Float32Array, options: F32Conv2dOptions): Float32Array {
    const known = ["input", "filters", "kernel", "strides", "dilations", "pads", "groups", "bias", "relu"];
    knownOptions("f32Conv2d", options, known);
    const geometry = conv2dGeometry(options);
    const { h, w, cin, oh, ow, cout, kh, kw, groups } = geometry;
    const taps = (kh * kw * cin) / groups;
    elements("weight", weight, cout * taps);
    const images = x.length / (h * w * cin);
    if (!Number.isInteger(images)) throw wrongValue("x", `whole images of ${h}x${w}x${cin}`, x.length);
    return this.scope(() => {
      const packed = this.alloc(Float32Array, panels.bytes([cout, taps], "f32") / 4);
      const flat = this.alloc(Float32Array, weight);
      this.#raw.f32_pack_panels(cout, taps, flat.byteOffset, 4 * taps, 4, packed.byteOffset);
      const y = this.alloc(Float32Array, images * oh * ow * cout);
      const { mode, aux } = this.#finish(options, cout);
      this.#raw.f32_conv2d(
        images,
        this.alloc(Float32Array, x).byteOffset,
        4 * h * w * cin,
        packed.byteOffset,
        y.byteOffset,
        4 * oh * ow * cout,
        mode,
        aux,
        ...GEOMETRY.map(name => geometry[name]),
        this.alloc(Uint8Array, conv2dScratch(geometry)).byteOffset,
      );
      return y.slice();
    });
  }

  /**
   * (a[m][k] - zeroPoint) * b[n][k]^T + bias -> [m][n] int32, exact as long as a sum fits. b in -127..127, as the
   * weights of a dense layer are. Relaxed kernels forced where the engine's relaxed dot is not "u8" are only right for
   * a < 0.
   */
  i8Gemm(a: Int8Array, b: Int8Array, options: I8GemmOptions): Int32Array {
    knownOptions("i8Gemm", options, ["m", "n", "k", "zeroPoint", "bias"]);
    const { m, n, k } = gemmSizes(options);
    const zero = integer("zeroPoint", options.zeroPoint ?? 0, -128, 127);
    elements("a", a, m * k);
    elements("b", b, n * k);
    if (options.bias) elements("bias", options.bias, n);
    if (b.includes(-128)) throw wrongValue("b", "int8 in -127..127", -128);
    return this.scope(() => {
      const groups = groupsOf(this.variant, 1, k);
      const packed = this.alloc(Uint8Array, panelBytes(n, groups)).byteOffset;
      const weights = this.alloc(Int8Array, b).byteOffset;
      const bias = this.alloc(Int32Array, options.bias ?? n).byteOffset;
      this.#raw.i8_gemm_pack(n, 1, k, weights, bias, this.alloc(Float32Array, n).byteOffset, zero, packed);
      const stride = k * storedBytes(this.variant);
      const x = this.alloc(Uint8Array, m * stride).byteOffset;
      this.#raw.i8_enter(m, this.alloc(Int8Array, a).byteOffset, k, x, stride, 1, 1, k, 0, 0, 0, 0, zero);
      const y = this.alloc(Int32Array, m * n);
      this.#raw.i8_gemm(m, x, stride, groups, packed, y.byteOffset, 4 * n, n);
      return y.slice();
    });
  }

  /**
   * round(x / scale) + zeroPoint, half to even, clamped to int8; the division is a product with 1 / scale. A NaN
   * becomes -128.
   */
  i8Quantize(x: Float32Array, affine: Affine): Int8Array {
    const { scale, zero } = affineOf("i8Quantize", affine);
    return this.scope(() => {
      const stride = x.length * storedBytes(this.variant);
      const stored = this.alloc(Uint8Array, stride).byteOffset;
      const from = this.alloc(Float32Array, x).byteOffset;
      this.#raw.i8_quantize(1, from, 4 * x.length, stored, stride, 1, x.length, stride, Math.fround(1 / scale), zero);
      const y = this.alloc(Int8Array, x.length);
      this.#raw.i8_leave(1, stored, stride, y.byteOffset, x.length, 0, 1, x.length, stride);
      return y.slice();
    });
  }

  /** (q - zeroPoint) * scale. */
  i8Dequantize(q: Int8Array, affine: Affine): Float32Array {
    const { scale, zero } = affineOf("i8Dequantize", affine);
    return this.scope(() => {
      const stride = q.length * storedBytes(this.variant);
      const stored = this.alloc(Uint8Array, stride).byteOffset;
      const from = this.alloc(Int8Array, q).byteOffset;
      this.#raw.i8_enter(1, from, q.length, stored, stride, 1, 1, q.length, 0, 0, 0, 0, zero);
      const y = this.alloc(Float32Array, q.length);
      this.#raw.i8_dequantize(1, stored, stride, y.byteOffset, 4 * q.length, 1, q.length, stride, scale, zero);
      return y.slice();
    });
  }

  /** s[rows][k] * b[k][n] + bias[rows] -> [rows][n]. A sum starts at the bias and runs over the non-zeros in order. */
  f32CsrSpmm(s: Csr<Float32Array>, b: Float32Array, n: number, bias?: Float32Array): Float32Array {
    return this.#spmm("f32_csr_spmm", Float32Array, Float32Array, s, b, n, bias);
  }

  /** The same in int8, with int32 bias and results. Exact as long as a row's sum fits 32 bits. */
  i8CsrSpmm(s: Csr<Int8Array>, b: Int8Array, n: number, bias?: Int32Array): Int32Array {
    return this.#spmm("i8_csr_spmm", Int8Array, Int32Array, s, b, n, bias);
  }

  #spmm<T extends Float32Array | Int8Array, Y extends Float32Array | Int32Array>(
    kernel: "f32_csr_spmm" | "i8_csr_spmm",
    operand: ArrayType<T>,
    result: ArrayType<Y>,
    s: Csr<T>,
    b: T,
    n: number,
    bias: Y | undefined,
  ): Y {
    integer("n", n, 1);
    const rows = s.pointers.length - 1;
    csr(s, b.length / n);
    if (bias) elements("bias", bias, rows);
    return this.scope(() => {
      const y = this.alloc(result, rows * n);
      this.#raw[kernel](
        rows,
        n,
        this.alloc(operand, s.values).byteOffset,
        this.alloc(Int32Array, s.columns).byteOffset,
        this.alloc(Int32Array, s.pointers).byteOffset,
        this.alloc(operand, b).byteOffset,
        n * operand.BYTES_PER_ELEMENT,
        this.alloc(result, bias ?? rows).byteOffset,
        y.byteOffset,
        n * 4,
      );
      return y.slice() as Y;
    });
  }

  #finish({ bias, relu }: { bias?: Float32Array; relu?: boolean }, columns: number): { mode: number; aux: number } {
    if (!bias && !relu) return { mode: MODE.plain, aux: FIRST };
    if (bias) elements("bias", bias, columns);
    return {
      mode: relu ? MODE.biasRelu : MODE.bias,
      aux: this.alloc(Float32Array, bias ?? columns).byteOffset,
    };
  }
}

/** The geometry among the arguments of f32_conv2d, in their order. */
const GEOMETRY = [
  "h",
  "w",
  "cin",
  "oh",
  "ow",
  "cout",
  "kh",
  "kw",
  "stride_h",
  "stride_w",
  "pad_t",
  "pad_l",
  "dilation_h",
  "dilation_w",
  "groups",
] as const satisfies (keyof Conv2dGeometry)[];

function conv2dGeometry(options: F32Conv2dOptions): Conv2dGeometry {
  const [h, w, cin] = options.input.map(size => integer("input", size, 1)) as [number, number, number];
  const [kh, kw] = options.kernel.map(size => integer("kernel", size, 1)) as [number, number];
  const [stride_h, stride_w] = (options.strides ?? [1, 1]).map(size => integer("strides", size, 1)) as [number, number];
  const [dilation_h, dilation_w] = (options.dilations ?? [1, 1]).map(size => integer("dilations", size, 1)) as [
    number,
    number,
  ];
  const pads = (options.pads ?? [0, 0, 0, 0]).map(size => integer("pads", size, 0));
  const [pad_t, pad_b, pad_l, pad_r] = pads as [number, number, number, number];
  const groups = integer("groups", options.groups ?? 1, 1);
  const cout = integer("filters", options.filters, 1);
  if (cin % groups || cout % groups)
    throw wrongValue("groups", `a divisor of ${cin} channels and ${cout} filters`, groups);
  const outputs = (size: number, reach: number, stride: number) => Math.floor((size - reach) / stride) + 1;
  const oh = outputs(h + pad_t + pad_b, (kh - 1) * dilation_h + 1, stride_h);
  const ow = outputs(w + pad_l + pad_r, (kw - 1) * dilation_w + 1, stride_w);
  if (oh < 1 || ow < 1)
    throw wrongValue("kernel", `at most the padded image, ${h + pad_t + pad_b}x${w + pad_l + pad_r}`, `${kh}x${kw}`);
  return { h, w, cin, oh, ow, cout, kh, kw, stride_h, stride_w, pad_t, pad_l, dilation_h, dilation_w, groups };
}

function gemmSizes({ m, n, k }: GemmSizes): GemmSizes {
  return { m: integer("m", m, 1), n: integer("n", n, 1), k: integer("k", k, 1) };
}

function affineOf(what: string, affine: Affine): { scale: number; zero: number } {
  knownOptions(what, affine, ["scale", "zeroPoint"]);
  const scale = Math.fround(number("scale", affine.scale, { above: 0 }));
  return { scale, zero: integer("zeroPoint", affine.zeroPoint ?? 0, -128, 127) };
}

function elements(what: string, array: ArrayLike<number>, length: number): void {
  if (!ArrayBuffer.isView(array)) throw wrongType(what, "a typed array", array);
  if (array.length !== length) throw wrongValue(what, `${length} elements`, array.length);
}

/** Checks pointers and columns, which a kernel trusts: wrong ones could read anywhere. */
function csr({ values, columns, pointers }: Csr<Float32Array | Int8Array>, k: number): void {
  elements("columns", columns, values.length);
  if (!Number.isInteger(k)) throw wrongValue("b", "whole rows of n elements", `${k} rows`);
  if (pointers.length < 1 || pointers[0] !== 0 || pointers.at(-1) !== values.length)
    throw wrongValue("pointers", `0 at first and ${values.length} at last`, Array.from(pointers));
  for (let r = 1; r < pointers.length; r++)
    if (pointers[r]! < pointers[r - 1]!) throw wrongValue("pointers", "no descent", Array.from(pointers));
  for (const column of columns) integer("columns", column, 0, k - 1);
}
