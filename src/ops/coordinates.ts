/** Where along an axis the elements of a resized image lie in the one they are made from: the coordinate modes of TensorFlow Lite and ONNX, in float32. */

/**
 * Of output element o of `out`, made from `size`:
 * - asymmetric: o * size / out
 * - halfPixel: (o + 1/2) * size / out - 1/2, pixel centres on pixel centres
 * - pytorchHalfPixel: the same, but 0 where there is one output
 * - alignCorners: o * (size - 1) / (out - 1), first on first and last on last
 * - tfHalfPixelForNn: (o + 1/2) * size / out, what TensorFlow rounds down to the nearest with half_pixel_centers
 */
export type Coordinates = "asymmetric" | "halfPixel" | "pytorchHalfPixel" | "alignCorners" | "tfHalfPixelForNn";

export const COORDINATES = ["halfPixel", "asymmetric", "alignCorners", "tfHalfPixelForNn", "pytorchHalfPixel"] as const;

const { fround } = Math;

/** The coordinate of output o, which may lie up to half a pixel outside. */
export function coordinate(mode: Coordinates, o: number, size: number, out: number): number {
  if (mode === "alignCorners") return out > 1 ? fround(o * fround(fround(size - 1) / fround(out - 1))) : 0;
  if (mode === "pytorchHalfPixel" && out === 1) return 0;
  const scale = fround(size / out);
  if (mode === "asymmetric") return fround(o * scale);
  if (mode === "tfHalfPixelForNn") return fround((o + 0.5) * scale);
  return fround(fround(o * scale) + fround(fround(0.5 * scale) - 0.5));
}

/** The two neighbours of output o and the share of the second, in 0..1. */
export function neighbours(mode: Coordinates, o: number, size: number, out: number): [number, number, number] {
  const at = Math.min(size - 1, Math.max(0, coordinate(mode, o, size, out)));
  const first = Math.floor(at);
  return [first, Math.min(first + 1, size - 1), fround(at - first)];
}
