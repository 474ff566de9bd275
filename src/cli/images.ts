/** Reads pictures from files: IDX (raw or gzipped), PGM, or the raw bytes of one image. */
import { PenjingError, show } from "../base/errors.ts";
import { type Shape, showShape, size } from "../base/shape.ts";
import { readSource } from "../base/source.ts";
import { readIdx } from "../data/index.ts";

export interface Picture {
  /** The file; for a file of several images, with the index: `t10k-images[3]`. */
  name: string;
  pixels: Uint8Array;
}

export interface Range {
  first: number;
  last: number;
}

/**
 * The pictures in a file, each with as many bytes as the network's input. `range` selects images of an IDX file;
 * default: the first.
 */
export async function pictures(
  path: string,
  shape: Shape,
  range: Range | undefined,
  signal: AbortSignal,
): Promise<Picture[]> {
  const { bytes } = await readSource(path, signal);
  if (isIdx(bytes)) return fromIdx(path, shape, range ?? { first: 0, last: 0 }, signal);
  const pgm = parsePgm(bytes, path);
  if (pgm) {
    if (pgm.height !== shape[0] || pgm.width !== shape[1] || size(shape) !== pgm.pixels.length)
      throw misfit(path, `a picture of ${pgm.height}x${pgm.width}`, shape);
    return [{ name: path, pixels: pgm.pixels }];
  }
  if (bytes.length !== size(shape)) throw misfit(path, `neither IDX nor PGM, and ${bytes.length} bytes long`, shape);
  return [{ name: path, pixels: bytes }];
}

const misfit = (path: string, what: string, shape: Shape): PenjingError =>
  new PenjingError("image", `${show(path)} is ${what}; this network takes ${showShape(shape)} = ${size(shape)} bytes`, {
    path,
  });

/** True for gzip, or 00 00 and a type. */
const isIdx = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x1f && bytes[1] === 0x8b) ||
  (bytes[0] === 0 && bytes[1] === 0 && bytes[2]! >= 8 && bytes[2]! <= 14 && bytes[3]! >= 1 && bytes[3]! <= 4);

async function fromIdx(path: string, shape: Shape, { first, last }: Range, signal: AbortSignal): Promise<Picture[]> {
  const idx = await readIdx(path, { signal });
  const [count, ...each] = idx.shape as [number, ...number[]];
  if (!(idx.data instanceof Uint8Array) || size(each) !== size(shape))
    throw misfit(path, `an IDX file of ${count} times ${each.length ? showShape(each) : "one number"}`, shape);
  if (last >= count)
    throw new PenjingError("image", `${show(path)} has images 0..${count - 1}, got ${first}..${last}`, { path });
  const length = size(shape);
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    name: `${path}[${first + i}]`,
    pixels: (idx.data as Uint8Array).slice((first + i) * length, (first + i + 1) * length),
  }));
}

/**
 * Parses Netpbm's grey images, P5 (bytes) and P2 (text), of up to 255 levels:
 * https://netpbm.sourceforge.net/doc/pgm.html. Returns undefined for other files. Levels are scaled to 0..255.
 */
function parsePgm(bytes: Uint8Array, path: string): { width: number; height: number; pixels: Uint8Array } | undefined {
  const kind = String.fromCharCode(...bytes.subarray(0, 2));
  if (kind !== "P5" && kind !== "P2") return undefined;
  const damaged = (why: string) => new PenjingError("image", `${show(path)} is a damaged PGM: ${why}`, { path });
  let at = 2;
  const isSpace = (byte: number | undefined) => byte !== undefined && byte <= 32;
  const number = (): number => {
    for (; isSpace(bytes[at]) || bytes[at] === 0x23; at++)
      if (bytes[at] === 0x23) while (at < bytes.length && bytes[at] !== 10) at++;
    let text = "";
    for (; at < bytes.length && !isSpace(bytes[at]); at++) text += String.fromCharCode(bytes[at]!);
    if (!/^\d{1,9}$/.test(text)) throw damaged(`expected a number, got ${show(text)}`);
    return Number(text);
  };
  const [width, height, white] = [number(), number(), number()] as [number, number, number];
  if (white < 1 || white > 255) throw damaged(`expected 1..255 greys, got ${white}`);
  const length = width * height;
  at++;
  if (kind === "P5" && bytes.length - at < length)
    throw damaged(`${length} bytes expected, ${Math.max(0, bytes.length - at)} left`);
  if (length > bytes.length) throw damaged(`${length} greys expected in ${bytes.length} bytes`);
  const pixels = kind === "P5" ? bytes.slice(at, at + length) : Uint8Array.from({ length }, number);
  return { width, height, pixels: pixels.map(grey => Math.min(255, Math.floor((255 * grey) / white + 0.5))) };
}
