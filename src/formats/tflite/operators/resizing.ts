/** Resized images. */
import type { Coordinates } from "../../../ops/shape/coordinates.ts";
import { resizeBilinear } from "../../../ops/shape/resize-bilinear.ts";
import { resizeNearest } from "../../../ops/shape/resize-nearest.ts";
import { batchOf } from "../dimensions.ts";
import type { Activation, OperatorContext, OperatorReader } from "../operator-context.ts";

function resizeTo(s: OperatorContext): { x: Activation; target: readonly [number, number] } {
  const x = s.images();
  const [height = 0, width = 0] = s.integers(1);
  if (!(height > 0 && width > 0 && height < 65536 && width < 65536))
    throw new RangeError(`a size is [${height}, ${width}]`);
  return { x, target: [height, width] };
}

export const nearest: OperatorReader = s => {
  const { x, target } = resizeTo(s);
  const [corners, half] = [s.options.flag(0), s.options.flag(1)];
  const coordinates: Coordinates = corners ? "alignCorners" : half ? "tfHalfPixelForNn" : "asymmetric";
  const y = s.add(resizeNearest, [x.value], {
    size: target,
    coordinates,
    rounding: corners ? "roundPreferCeil" : "floor",
  });
  s.give(y, batchOf(y.type.shape));
};

export const bilinear: OperatorReader = s => {
  const { x, target } = resizeTo(s);
  const coordinates: Coordinates = s.options.flag(2) ? "alignCorners" : s.options.flag(3) ? "halfPixel" : "asymmetric";
  const y = s.add(resizeBilinear, [x.value], { size: target, coordinates });
  s.give(y, batchOf(y.type.shape));
};
