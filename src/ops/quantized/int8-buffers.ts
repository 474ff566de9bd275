/** Int8 values as kernels take them: stored images in buffers, with or without a halo. */
import type { Value } from "../../graph/graph.ts";
import type { Lowering, Ref } from "../../graph/meaning.ts";
import {
  covers,
  framed,
  type Halo,
  isStored,
  NO_HALO,
  rowsOf,
  type StoredImage,
  type StoredLayout,
  stored,
  storedBytes,
  storedImage,
} from "../../kernels/i8/stored.ts";
import { flat, type Layout } from "../../kernels/layout.ts";
import { affine, isInt8 } from "./int8-types.ts";

/** An int8 value as kernels take it: its geometry, and where its first pixel is. */
export interface StoredPlace extends StoredImage {
  readonly ref: Ref;
  /** From image to image, where it is scratch. */
  readonly stride?: number;
}

export const at = (ref: Ref, bytes: number): Ref => ({ ...ref, offset: ref.offset + bytes });

/** The layout of v stored with `halo` around it. */
export const storedLayout = (c: Lowering, v: Value, halo: Halo = NO_HALO): StoredLayout =>
  stored(c.variant, halo, affine(v.type).zero);

/** The layout of v without a halo: int8 stored, all rows one after another; floats flat. */
export const wholeLayout = (c: Lowering, v: Value): Layout => (isInt8(v.type) ? storedLayout(c, v) : flat);

/** An image of v, whose first byte is at `ref`. */
function placeOf(c: Lowering, v: Value, { halo }: StoredLayout, ref: Ref): StoredPlace {
  const image = storedImage(v.type.shape, c.variant, halo);
  return { ...image, ref: at(ref, image.first) };
}

/**
 * v in stored form, with at least `need` around it: as it lies, or as all who read it can share it. `bare`: with no
 * halo.
 */
export function storedIn(c: Lowering, v: Value, need: Halo = NO_HALO, bare = false): StoredPlace {
  const serves = (layout: Layout) => isStored(layout) && covers(layout.halo, need) && !bare;
  const have = [c.layoutOf(v), c.prefer(v)].find(serves) as StoredLayout | undefined;
  const layout = have ?? storedLayout(c, v, need);
  return placeOf(c, v, layout, c.in(v, layout));
}

/**
 * A buffer for v in stored form, with the halo its consumers wish for. The halo is written once, so the buffer is v's
 * alone. `bare`: with no halo.
 */
export function storedOut(c: Lowering, v: Value, bare = false): StoredPlace {
  const wish = c.prefer(v);
  const layout = isStored(wish) && !bare ? wish : storedLayout(c, v);
  const y = c.out(v, layout);
  const place = placeOf(c, v, layout, y);
  if (!covers(NO_HALO, layout.halo))
    c.once("i8_halo", { n: c.batch, y, ...framed(place, layout.halo, affine(v.type).zero) });
  return place;
}

/** y = of(x), element by element, by a table. A table that changes nothing costs nothing. */
export function lowerTable(c: Lowering, x: Value, y: Value, of: (q: number) => number): void {
  const bytes = new Uint8Array(256 * storedBytes(c.variant));
  let changes = false;
  for (let q = -128; q < 128; q++) {
    bytes[(q + 128) * storedBytes(c.variant)] = of(q) + 128;
    changes ||= of(q) !== q;
  }
  if (!changes) {
    c.alias(y, x);
    return;
  }
  const rows = rowsBetween(storedIn(c, x), storedOut(c, y));
  c.each("i8_lookup", { ...rows, table: c.constant("table", bytes), period: rows.length, step: 0 });
}

/** The arguments of a kernel that goes from rows to rows of equal length. */
export const rowsBetween = (from: StoredPlace, to: StoredPlace) => ({
  x: from.ref,
  x_row_stride: from.rowStride,
  y: to.ref,
  y_row_stride: to.rowStride,
  ...rowsOf(from, to),
});
