/**
 * One error grammar: `"what" expected <expectation>, got <what came>`.
 * TypeError for a wrong type, RangeError for a wrong value, PenjingError (with `code`) for files, operators and
 * workers. Messages quote names and texts from files: control characters in them are escaped.
 */
import { printable } from "./printable.ts";

export interface PenjingErrorPlace {
  /** The file, URL, node or tensor the error is about. */
  path?: string | undefined;
  /** Byte offset inside a file. */
  offset?: number;
  cause?: unknown;
}

/** Marks every PenjingError, including those of another copy of this module: `penjing/run` is a bundle of its own. */
const MARK = Symbol.for("penjing.error");

/** A failure that is not an invalid argument: a damaged file, an unknown operator, an engine without SIMD. */
export class PenjingError extends Error {
  override readonly name = "PenjingError";
  /**
   * The kind of error, for programs; the message is for people. Codes that users may see:
   * - reading and writing: `missing`, `unreadable`, `unwritable`; data: `magic`, `truncated`, `gzip`, `size-mismatch`,
   *   `budget` (`maxBytes`)
   * - model files: also `version`, `checksum`, `op`, `codec`, `damaged` (docs/container.md), `budget` (`maxBytes`,
   *   `maxMacs`); `unsupported` and `graph` when one is written
   * - the engine: `no-simd`, `no-relaxed-simd`, `memory`
   * - models: `masked`, `bake`, `calibration`, `quantize`, `quantized`; training: `diverged`, `busy`; an op without
   *   that meaning, or an int8 layer whose sums could exceed 32 bits: `refused`
   */
  readonly code: string;
  /** The file or URL, or the layer or tensor. */
  readonly path?: string;
  /** Byte offset in the file. */
  readonly offset?: number;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return Object(value)[MARK] === true;
  }

  /** @internal */
  get [MARK](): boolean {
    return true;
  }

  constructor(code: string, message: string, place: PenjingErrorPlace = {}) {
    super(printable(message), place.cause === undefined ? undefined : { cause: place.cause });
    this.code = code;
    if (place.path !== undefined) this.path = place.path;
    if (place.offset !== undefined) this.offset = place.offset;
  }
}

/** Formats a value for a message: strings quoted, arrays and objects shortened. */
export function show(value: unknown): string {
  if (typeof value === "string")
    return printable(JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value));
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (Array.isArray(value)) return `[${value.slice(0, 8).map(show).join(", ")}${value.length > 8 ? ", ..." : ""}]`;
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name}(${(value as Uint8Array).length ?? value.byteLength})`;
  // bundlers put a line before the name of a class that refers to itself
  if (value !== null && typeof value === "object") return value.constructor?.name.replace(/^_/, "") ?? "object";
  return String(value);
}

export const wrongType = (what: string, expected: string, got: unknown): TypeError =>
  new TypeError(`"${what}" expected ${expected}, got ${show(got)}`);

export const wrongValue = (what: string, expected: string, got: unknown): RangeError =>
  new RangeError(`"${what}" expected ${expected}, got ${show(got)}`);

/** Returns `value` if it is an integer in [min, max]; throws an error that names it otherwise. */
export function integer(what: string, value: unknown, min = -Infinity, max = Infinity): number {
  const range = max !== Infinity ? `integer in ${min}..${max}` : min !== -Infinity ? `integer >= ${min}` : "integer";
  if (typeof value !== "number") throw wrongType(what, range, value);
  if (!Number.isInteger(value) || value < min || value > max) throw wrongValue(what, range, value);
  return value;
}

/**
 * Returns `value` if it is a finite number in [min, max] (open ends by `above` / `below`); throws an error that names
 * it otherwise.
 */
export function number(
  what: string,
  value: unknown,
  { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = {},
): number {
  const bounds = [
    min !== -Infinity && `>= ${min}`,
    above !== -Infinity && `> ${above}`,
    max !== Infinity && `<= ${max}`,
    below !== Infinity && `< ${below}`,
  ].filter(Boolean);
  const range = ["finite number", bounds.join(" and ")].filter(Boolean).join(" ");
  if (typeof value !== "number") throw wrongType(what, range, value);
  if (!Number.isFinite(value) || value < min || value > max || value <= above || value >= below)
    throw wrongValue(what, range, value);
  return value;
}

/** Returns `value` if it is one of the given strings; throws an error that lists them otherwise. */
export function oneOf<T extends string>(what: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T))
    throw (typeof value === "string" ? wrongValue : wrongType)(what, `one of ${allowed.map(show).join(", ")}`, value);
  return value as T;
}

/** Rejects keys that `allowed` does not name: a misspelt option is an error. */
export function knownOptions(what: string, options: object | undefined, allowed: readonly string[]): void {
  if (options === undefined) return;
  // what can be iterated over is an array, a Map or a Dataset: an argument in the place of the options
  if (options === null || typeof options !== "object" || Symbol.iterator in options)
    throw wrongType(what, "an options object", options);
  for (const key of Object.keys(options))
    if (!allowed.includes(key))
      throw new TypeError(`"${what}" has no option ${show(key)}; it knows ${allowed.join(", ")}`);
}

/** Rejects arguments of a function that takes none: `accuracy({ threshold: 0.4 })` is an error. */
export function noArguments(what: string, given: readonly unknown[]): void {
  if (given.length) throw new TypeError(`"${what}" takes no arguments, got ${given.map(show).join(", ")}`);
}

/** Rejects anything but an AbortSignal or undefined; throws the reason of a signal that is already aborted. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal?.throwIfAborted !== "function") throw wrongType("signal", "an AbortSignal", signal);
  signal.throwIfAborted();
}

/** Matches errors about arguments: they begin with the quoted name of an argument or of a layer. */
const ABOUT_ARGUMENTS = /^("|layer "|labels out of range)/;

/**
 * Calls `call` and prefixes errors about its arguments with the function's name: `fit: "epochs" expected ...`. Errors
 * of a user's own code pass unchanged. `name` may contain a layer's name: `conv2d "stem"`.
 */
export function naming<T>(name: string, call: () => T): T {
  try {
    const given = call();
    if (!(given instanceof Promise)) return given;
    return given.catch((error: unknown) => {
      throw named(name, error);
    }) as T;
  } catch (error) {
    throw named(name, error);
  }
}

/** Prefixes an error about arguments with the name of the function. */
export function named(name: string, error: unknown): unknown {
  if (!(error instanceof TypeError || error instanceof RangeError)) return error;
  const { message, stack } = error;
  if (!ABOUT_ARGUMENTS.test(message) || message.startsWith(JSON.stringify(name.split(" ")[0]))) return error;
  error.message = `${name}: ${message}`;
  if (stack) error.stack = stack.replace(message, error.message);
  return error;
}
